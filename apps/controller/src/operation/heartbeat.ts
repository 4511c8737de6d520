import type { MessageEvent } from '@nestjs/common';
import { interval, map, type Observable } from 'rxjs';

const BEAT_MS = 15_000;

/** Keeps a stream of server-sent events open through proxies, and lets both ends notice when the other is gone. */
export const heartbeat = (): Observable<MessageEvent> =>
  interval(BEAT_MS).pipe(map((): MessageEvent => ({ type: 'beat', data: '' })));
