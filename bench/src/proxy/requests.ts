import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestName } from './workloads.js';

const SIZE: Record<RequestName, number> = { small: 100, browser: 100, '10k': 10_240, '1m': 1_048_576 };

/** What a current browser sends with a request for a page of a site that has set cookies: 650 bytes. */
const BROWSER = `Connection: keep-alive
Cache-Control: max-age=0
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Referer: https://bench.example/articles/2026/11/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,de;q=0.8
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark`;

/** Path of the body that a request asks for; the servers read its size from there. */
export const pathOf = (name: RequestName): string => `/${SIZE[name]}`;

export function requestText(name: RequestName, closing: boolean): string {
  const lines = [`GET ${pathOf(name)} HTTP/1.1`, 'Host: bench.example'];
  if (name === 'browser') lines.push(...BROWSER.split('\n'));
  if (closing) lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export function writeRequest(dir: string, name: RequestName, closing: boolean): string {
  const file = join(dir, `${name}${closing ? '-close' : ''}.txt`);
  writeFileSync(file, requestText(name, closing));
  return file;
}
