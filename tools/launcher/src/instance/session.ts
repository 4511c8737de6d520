import { existsSync, readFileSync } from 'node:fs';
import { ApiClient, ApiError } from '../api/client.js';
import type { InstanceDirectory } from './directory.js';

export const username = 'admin';

/** The admin's generated password; undefined once it was changed. */
export function initialPassword(directory: InstanceDirectory): string | undefined {
  const file = directory.file('controller/initial-password');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** A session as the admin of this instance; undefined when the password was changed and we do not know it. */
export async function adminSession(
  directory: InstanceDirectory,
  url: string,
): Promise<ApiClient | undefined> {
  const password = initialPassword(directory);
  if (password === undefined) return undefined;
  const ca = readFileSync(directory.file('controller/ca.pem'), 'utf8');
  try {
    return await ApiClient.login({ url, ca, username, password });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined;
    throw error;
  }
}
