/** What this program calls itself to clients and people; the same as in package.json, which a test compares. */
export const PROGRAM_NAME = "sentinel";
export const PROGRAM_VERSION = "0.1.0";
