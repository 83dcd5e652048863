/** A program that only starts: what a start costs the runtime itself. */
export {};
