/** Whether an error of the system has one of these codes. By shape: errors cross realms in tests. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}
