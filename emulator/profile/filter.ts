/** Which functions a profile tells of: all, or those whose name and source file match. */
export interface ProfileFilter {
  readonly functions?: RegExp;
  /** On who executed: `NAME [PID]`. */
  readonly tasks?: RegExp;
  /** On the path of the source file a function begins in; those without one do not match. */
  readonly files?: RegExp;
}

export function wantedBy({ functions, files }: ProfileFilter, name: string, file: () => string | undefined): boolean {
  return (functions?.test(name) ?? true) && (files === undefined || files.test(file() ?? ''));
}
