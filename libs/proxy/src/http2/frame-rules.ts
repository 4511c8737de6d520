import { ERROR, FLAG, FRAME } from './protocol.js';

/**
 * What RFC 9113 section 6 says of length and stream of each type, as far as it ends the connection: 0 or a code of
 * ERROR. (A PRIORITY of a wrong size is an error of its stream alone.)
 */
export function frameRule(type: number, flags: number, stream: number, length: number): number {
  switch (type) {
    case FRAME.DATA:
    case FRAME.HEADERS:
    case FRAME.CONTINUATION:
    case FRAME.PRIORITY:
      return stream === 0 ? ERROR.PROTOCOL_ERROR : 0;
    case FRAME.RST_STREAM:
      if (stream === 0) return ERROR.PROTOCOL_ERROR;
      return length === 4 ? 0 : ERROR.FRAME_SIZE_ERROR;
    case FRAME.WINDOW_UPDATE:
      return length === 4 ? 0 : ERROR.FRAME_SIZE_ERROR;
    case FRAME.PING:
      if (stream !== 0) return ERROR.PROTOCOL_ERROR;
      return length === 8 ? 0 : ERROR.FRAME_SIZE_ERROR;
    case FRAME.SETTINGS:
      if (stream !== 0) return ERROR.PROTOCOL_ERROR;
      if ((flags & FLAG.ACK) !== 0) return length === 0 ? 0 : ERROR.FRAME_SIZE_ERROR;
      return length % 6 === 0 ? 0 : ERROR.FRAME_SIZE_ERROR;
    case FRAME.GOAWAY:
      if (stream !== 0) return ERROR.PROTOCOL_ERROR;
      return length >= 8 ? 0 : ERROR.FRAME_SIZE_ERROR;
    default:
      return 0;
  }
}
