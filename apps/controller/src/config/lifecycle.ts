import { Injectable } from '@nestjs/common';

/** Lets a part ask that the whole controller starts anew in the same process, on the same listeners. */
@Injectable()
export class Lifecycle {
  private handler: (() => void) | undefined;

  onRestart(handler: () => void): void {
    this.handler = handler;
  }

  /** Soon, after what is being answered now. */
  requestRestart(): void {
    setImmediate(() => this.handler?.());
  }
}
