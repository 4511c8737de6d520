import { Inject, Injectable } from '@nestjs/common';
import { textOf } from '../placement/fields.js';
import { ObjectCache } from '../store/index.js';
import { CloudError, type CloudConnector, type SeWish } from './connector.js';

/** Injection token of the connectors by name; `none` is not among them. */
export const CONNECTORS = Symbol('connectors');
/** Injection token of an {@link IssueToken}. */
export const ISSUE_TOKEN = Symbol('issue enrolment token');

/** Makes a one-time enrolment token for an SE whose object exists. */
export type IssueToken = (wish: SeWish) => Promise<string>;

/** Makes and deletes SEs through the connector of their cloud. */
@Injectable()
export class CloudService {
  constructor(
    private readonly cache: ObjectCache,
    @Inject(CONNECTORS) private readonly connectors: ReadonlyMap<string, CloudConnector>,
    @Inject(ISSUE_TOKEN) private readonly issueToken: IssueToken,
  ) {}

  /** The connector of a cloud; undefined where SEs are started by hand. */
  connectorOf(cloudUuid: string): CloudConnector | undefined {
    const cloud = this.cache.get(cloudUuid);
    return this.connectors.get(textOf(cloud?.spec, 'connector', 'none'));
  }

  async create(wish: SeWish): Promise<void> {
    const connector = this.connectorOf(wish.cloudUuid);
    if (connector === undefined) {
      const cloud = this.cache.get(wish.cloudUuid)?.name ?? wish.cloudUuid;
      throw new CloudError(
        'NO_WRITE_ACCESS',
        `cloud ${cloud} has no connector: start a service engine by hand, or set its connector`,
      );
    }
    await connector.create(wish, () => this.issueToken(wish));
  }

  /** Where the cloud has no connector there is nothing to delete: the SE was started by hand. */
  async delete(se: Pick<SeWish, 'seUuid' | 'name' | 'cloudUuid'>): Promise<void> {
    await this.connectorOf(se.cloudUuid)?.delete(se);
  }
}
