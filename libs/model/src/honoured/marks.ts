/** The test files that show a set of fields to act. Paths are from the root of the repository. */
export interface Mark {
  /** Exists, and fails when the fields are ignored. */
  readonly proof: string;
  /**
   * Dotted paths, `[]` for each element of a list. `path.*` is everything in a message; `path=VALUE` is one value of
   * an enumeration or a boolean.
   */
  readonly paths: readonly string[];
}
