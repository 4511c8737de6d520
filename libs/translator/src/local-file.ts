import type { FilledHTTPLocalFile } from '@spillway/model';
import type { LocalResponse } from '@spillway/snapshot';

/**
 * A response that is not a server's, with the file that somebody uploaded for it. Files are sent as they are written,
 * or as base64, which is how pages that are no text have to be uploaded: `file_length` tells, where it is that of what
 * the base64 stands for.
 */
export function localResponse(status: number, file: FilledHTTPLocalFile | undefined): LocalResponse {
  if (file === undefined) return { status };
  const { content_type, file_content: body, file_length: length } = file;
  const decoded = length === undefined ? undefined : decodedFrom(body, length);
  if (decoded === undefined) return { status, content_type, body };
  const text = decoded.toString('utf8');
  return Buffer.from(text).equals(decoded)
    ? { status, content_type, body: text }
    : { status, content_type, body, base64: true };
}

const BASE64 = /^(?:[\dA-Za-z+/]{4})*(?:[\dA-Za-z+/]{2}==|[\dA-Za-z+/]{3}=)?$/;

function decodedFrom(content: string, length: number): Buffer | undefined {
  if (Buffer.byteLength(content) === length || !BASE64.test(content)) return undefined;
  const decoded = Buffer.from(content, 'base64');
  return decoded.length === length ? decoded : undefined;
}
