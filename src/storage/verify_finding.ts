/** What the checks of files that nobody has open tell. */

/** Something that is not as it should be. `damage` fails the check; `note` mends itself at the next start. */
export interface Finding {
  readonly severity: "damage" | "note";
  readonly path: string;
  readonly position: number;
  readonly detail: string;
}

export interface VerifyOptions {
  readonly onFinding: (finding: Finding) => void;
  /** Bytes read so far, for a progress line. */
  readonly onProgress?: (bytes: number) => void;
}
