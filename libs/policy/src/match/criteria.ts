import type {
  AddressTest,
  NamedTest,
  RequestMatch,
  ResponseMatch,
  TargetTest,
  TextTest,
} from '@spillway/snapshot';
import { type Groups, PolicyError } from '../groups.js';
import { Regex, RegexError } from '../regex/index.js';
import { patternBytes } from './bytes.js';
import { addressKeyOf, addressRanges, hasPort, pathPattern, textValues } from './values.js';
import {
  AddressPredicate,
  AnyPredicate,
  ExistsPredicate,
  MethodPredicate,
  NotPredicate,
  NumberPredicate,
  type Predicate,
  readPort,
  readSecure,
  readStatus,
  readVersion,
  RegexPredicate,
  TextPredicate,
} from './predicate.js';
import type { Predicates } from './predicates.js';
import {
  CookieSubject,
  HeaderSubject,
  HostSubject,
  ParameterSubject,
  PathSubject,
  QuerySubject,
  type Subject,
} from './subject.js';
import { type RequestView, type ResponseView, VERSIONS } from './view.js';

const HOST = new HostSubject(false);
const HOST_WITH_PORT = new HostSubject(true);
const PATH = [new PathSubject(false), new PathSubject(true)] as const;
const QUERY = [new QuerySubject(false), new QuerySubject(true)] as const;
const PARAMETERS = [new ParameterSubject(false), new ParameterSubject(true)] as const;
const LOCATION = new HeaderSubject<ResponseView>('location');

/** The subject that a path or a query is, in its normal form or as it was sent. */
export const pathSubject = (decoded: boolean): Subject<RequestView> => PATH[decoded ? 1 : 0];
export const querySubject = (decoded: boolean): Subject<RequestView> => QUERY[decoded ? 1 : 0];

const single = (value: number) => ({ begin: value, end: value });

/** Turns matches into criteria: numbers of predicates that all have to hold. */
export class CriteriaCompiler {
  private readonly headers = new Map<string, HeaderSubject<never>>();
  private readonly cookies = new Map<string, CookieSubject>();
  private readonly regexes = new Map<string, Regex>();
  /** A criterion looks at the path. */
  readsPath = false;

  constructor(
    private readonly groups: Groups,
    private readonly requests: Predicates<RequestView>,
    private readonly responses: Predicates<ResponseView>,
  ) {}

  /** @throws {PolicyError} */
  request(match: RequestMatch, path: string): number[] {
    const criteria: number[] = [];
    const add = (number: number): void => void criteria.push(number);
    const { client_ip, source_ip, vs_port, protocol, version, method, host, query } = match;
    if (client_ip !== undefined) add(this.address('client', client_ip, `${path}.client_ip`));
    if (source_ip !== undefined) add(this.address('source', source_ip, `${path}.source_ip`));
    if (vs_port !== undefined)
      add(this.number('port', readPort, vs_port.negated, vs_port.values.map(single)));
    if (protocol !== undefined)
      add(
        this.number(
          'secure',
          readSecure,
          protocol.negated,
          protocol.values.map((p) => single(p === 'https' ? 1 : 0)),
        ),
      );
    if (version !== undefined)
      add(
        this.number(
          'version',
          readVersion,
          version.negated,
          version.values.map((v) => single(VERSIONS.indexOf(v))),
        ),
      );
    if (method !== undefined)
      add(
        this.put(
          this.requests,
          `method ${method.values.toSorted().join()}`,
          method.negated,
          () => new MethodPredicate(method.values),
        ),
      );
    if (host !== undefined) for (const number of this.host(host, `${path}.host`)) add(number);
    if (match.path !== undefined) {
      this.readsPath = true;
      const decoded = match.path.decoded;
      add(
        this.text(
          this.requests,
          'path',
          PATH[decoded ? 1 : 0],
          match.path,
          `${path}.path`,
          (value, operator) => pathPattern(value, operator, decoded),
        ),
      );
    }
    if (query !== undefined) {
      const parameters = query.operator === 'exists' && textValues(query, this.groups, path).length > 0;
      const subject = (parameters ? PARAMETERS : QUERY)[query.decoded ? 1 : 0];
      const test: TargetTest = parameters ? { ...query, operator: 'equals' } : query;
      add(
        this.text(
          this.requests,
          `${parameters ? 'parameter' : 'query'} ${query.decoded}`,
          subject,
          test,
          `${path}.query`,
        ),
      );
    }
    for (const [i, test] of match.headers.entries())
      add(
        this.named(
          this.requests,
          'header',
          this.header<RequestView>(test.name),
          test,
          `${path}.headers[${i}]`,
        ),
      );
    if (match.cookie !== undefined) {
      const { name } = match.cookie;
      const subject = this.cookies.get(name) ?? new CookieSubject(name);
      this.cookies.set(name, subject);
      add(this.text(this.requests, `cookie ${name}`, subject, match.cookie, `${path}.cookie`));
    }
    return criteria;
  }

  /** Those of the response alone. */
  response(match: ResponseMatch, path: string): number[] {
    const criteria: number[] = [];
    const { status, location } = match;
    if (status !== undefined) {
      const key = `status ${status.ranges.map((r) => `${r.begin}-${r.end}`).join()}`;
      criteria.push(
        this.put(this.responses, key, status.negated, () => new NumberPredicate(readStatus, status.ranges)),
      );
    }
    if (location !== undefined)
      criteria.push(this.text(this.responses, 'location', LOCATION, location, `${path}.location`));
    for (const [i, test] of match.headers.entries())
      criteria.push(
        this.named(
          this.responses,
          'header',
          this.header<ResponseView>(test.name),
          test,
          `${path}.headers[${i}]`,
        ),
      );
    return criteria;
  }

  /** A regular expression of a rule; equal ones are one. */
  regex(pattern: string, fold: boolean, path: string): Regex {
    const key = `${fold} ${pattern}`;
    const known = this.regexes.get(key);
    if (known !== undefined) return known;
    try {
      const regex = new Regex(pattern, fold);
      this.regexes.set(key, regex);
      return regex;
    } catch (err) {
      if (!(err instanceof RegexError)) throw err;
      throw new PolicyError(path, err.message);
    }
  }

  private header<V extends RequestView | ResponseView>(name: string): Subject<V> {
    const key = name.toLowerCase();
    const known = this.headers.get(key) ?? new HeaderSubject<never>(key);
    this.headers.set(key, known);
    return known;
  }

  private named<V>(
    predicates: Predicates<V>,
    kind: string,
    subject: Subject<V>,
    test: NamedTest,
    path: string,
  ): number {
    return this.text(predicates, `${kind} ${test.name.toLowerCase()}`, subject, test, path);
  }

  /** Values with a port are compared with host and port, those without with the host alone. */
  private host(test: TextTest, path: string): number[] {
    const values = textValues(test, this.groups, path);
    const withPort = values.filter(hasPort);
    const without = values.filter((value) => !hasPort(value));
    const flat = { ...test, string_group_uuids: [] };
    // The dot that ends a fully qualified name says nothing.
    const ends = test.operator === 'equals' || test.operator === 'ends_with';
    const pattern = (value: string): string => (ends ? value.replace(/(?<=.)\.$/, '') : value);
    if (withPort.length === 0)
      return [this.text(this.requests, 'host', HOST, { ...flat, values }, path, pattern)];
    if (without.length === 0)
      return [this.text(this.requests, 'authority', HOST_WITH_PORT, { ...flat, values }, path)];
    // Either may hold: not (neither holds), as one question.
    const either = [
      this.text(this.requests, 'host', HOST, { ...flat, negated: false, values: without }, path, pattern),
      this.text(
        this.requests,
        'authority',
        HOST_WITH_PORT,
        { ...flat, negated: false, values: withPort },
        path,
      ),
    ].map((number) => this.requests.list[number]!);
    const key = `either ${test.operator} ${test.fold} ${values.join('\n')}`;
    return [this.put(this.requests, key, test.negated, () => new AnyPredicate(either))];
  }

  private text<V>(
    predicates: Predicates<V>,
    kind: string,
    subject: Subject<V>,
    test: TextTest | TargetTest,
    path: string,
    adapt: (value: string, operator: TextTest['operator']) => string = (value) => value,
  ): number {
    const { operator, fold, negated } = test;
    const decoded = 'decoded' in test && test.decoded;
    if (operator === 'exists')
      return this.put(predicates, `${kind} ${decoded} exists`, negated, () => new ExistsPredicate(subject));
    const values = textValues(test, this.groups, path).map((value) => adapt(value, operator));
    const key = `${kind} ${decoded} ${operator} ${fold} ${JSON.stringify([test.string_group_uuids, test.values])}`;
    if (operator === 'regex') {
      const expressions = values.map((value) => this.regex(value, fold, path));
      return this.put(predicates, key, negated, () => new RegexPredicate(subject, expressions));
    }
    const patterns = values.map((value) => patternBytes(value, fold));
    return this.put(predicates, key, negated, () => new TextPredicate(subject, operator, patterns, fold));
  }

  private address(whose: 'client' | 'source', test: AddressTest, path: string): number {
    const ranges = addressRanges(test, this.groups, path);
    const key = `${whose} ${addressKeyOf(test)}`;
    return this.put(this.requests, key, test.negated, () => new AddressPredicate(whose, ranges));
  }

  private number(
    kind: string,
    read: (view: RequestView) => number,
    negated: boolean,
    ranges: readonly { begin: number; end: number }[],
  ): number {
    const key = `${kind} ${ranges.map((r) => `${r.begin}-${r.end}`).join()}`;
    return this.put(this.requests, key, negated, () => new NumberPredicate(read, ranges));
  }

  private put<V>(predicates: Predicates<V>, key: string, negated: boolean, make: () => Predicate<V>): number {
    const inner = predicates.number(key, make);
    return negated ? predicates.number(`not ${key}`, () => new NotPredicate(predicates, inner)) : inner;
  }
}
