import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';

/** News that the row of an operation changed; read the row. From every replica. */
@Injectable()
export class OperationFeed {
  private readonly subject = new Subject<string>();
  readonly changes: Observable<string> = this.subject.asObservable();

  changed(uuid: string): void {
    this.subject.next(uuid);
  }
}
