import 'reflect-metadata';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { CONTROLLER_NAME, se } from '@spillway/protocol';

type Stream = ServerDuplexStream<se.SeMessage, se.ControllerMessage>;
type Said = NonNullable<se.SeMessage['body']>;
type Keys = Awaited<ReturnType<typeof newKeys>>;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const newKeys = async () => await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
const BACKDATE = 60_000;

export interface FakeOptions {
  /** Milliseconds of life of the certificates of SEs. */
  lifetime?: number;
}

/**
 * The controller's ends of enrolment and channel over real TLS, with a CA of its own, for tests of the SE alone: it
 * says what the test tells it to, and keeps what the SE says.
 */
export class FakeController {
  readonly said: Said[] = [];
  readonly hellos: se.Hello[] = [];
  /** Subject serial numbers of the client certificates of the streams. */
  readonly serials: string[] = [];
  enrolled = 0;
  renewed = { rest: 0, grpc: 0 };
  lifetime: number;
  #stream: Stream | undefined;
  #grpc: Server | undefined;
  #rest: https.Server | undefined;
  #ports = { rest: 0, grpc: 0 };

  private constructor(
    private readonly ca: x509.X509Certificate,
    private readonly caKeys: Keys,
    private readonly server: { key: string; certificate: string },
    options: FakeOptions,
  ) {
    this.lifetime = options.lifetime ?? 3_600_000;
  }

  static async start(options: FakeOptions = {}): Promise<FakeController> {
    const caKeys = await newKeys();
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: 'CN=test CA',
      notBefore: new Date(Date.now() - BACKDATE),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: ALGORITHM,
      keys: caKeys,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    const keys = await newKeys();
    const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
    const fake = new FakeController(ca, caKeys, { key: toPem('PRIVATE KEY', der), certificate: '' }, options);
    fake.server.certificate = await fake.#issue(keys.publicKey, 'CN=controller', 3_600_000, [
      { type: 'ip', value: '127.0.0.1' },
      { type: 'dns', value: CONTROLLER_NAME },
    ]);
    await fake.listen();
    return fake;
  }

  get api(): string {
    return `https://127.0.0.1:${this.#ports.rest}`;
  }

  get token(): string {
    const pin = new X509Certificate(this.ca.toString('pem')).fingerprint256.replaceAll(':', '').toLowerCase();
    return `id.secret.${pin}`;
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  /** Listens on the ports that it had before, or on free ones. */
  async listen(): Promise<void> {
    const chain = `${this.server.certificate}\n${this.ca.toString('pem')}`;
    const rest = https.createServer({ key: this.server.key, cert: chain }, (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        void this.#answer(request.url ?? '', JSON.parse(body) as Record<string, string>).then((reply) => {
          response.setHeader('content-type', 'application/json');
          return response.end(JSON.stringify(reply));
        });
      });
    });
    await new Promise<void>((resolve) => rest.listen(this.#ports.rest, '127.0.0.1', resolve));
    this.#ports.rest = (rest.address() as AddressInfo).port;
    this.#rest = rest;
    const grpc = new Server();
    grpc.addService(se.SeChannelService, {
      attach: (stream: Stream) => this.#attach(stream),
      renew: (call: { request: se.RenewRequest }, reply: (e: null, r: se.RenewReply) => void) => {
        this.renewed.grpc++;
        void this.#certify(call.request.csrPem).then((certificatePem) =>
          reply(null, { certificatePem, caPem: this.ca.toString('pem') }),
        );
      },
    });
    const credentials = ServerCredentials.createSsl(
      Buffer.from(this.ca.toString('pem')),
      [{ private_key: Buffer.from(this.server.key), cert_chain: Buffer.from(chain) }],
      true,
    );
    this.#ports.grpc = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync(`127.0.0.1:${this.#ports.grpc}`, credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
    this.#grpc = grpc;
  }

  /** Is gone, as after kill -9: its ports refuse. */
  async close(): Promise<void> {
    this.#stream = undefined;
    this.#grpc?.forceShutdown();
    const rest = this.#rest;
    rest?.closeAllConnections();
    await new Promise<void>((resolve) => (rest === undefined ? resolve() : rest.close(() => resolve())));
  }

  send(body: NonNullable<se.ControllerMessage['body']>): void {
    this.#stream?.write({ body });
  }

  /** One change in one part. Fragments are `[type, key, body]`. */
  configure(
    generation: number,
    put: [string, string, unknown][],
    more: { full?: boolean; epoch?: number; remove?: string[] } = {},
  ): void {
    this.send({
      $case: 'configUpdate',
      value: {
        epoch: more.epoch ?? 1,
        generation,
        full: more.full ?? true,
        part: 0,
        last: true,
        put: put.map(([type, key, body]) => ({ type, key, body: Buffer.from(JSON.stringify(body)) })),
        remove: more.remove ?? [],
      },
    });
  }

  /** Everything of one sort that the SE has said. */
  of<C extends Said['$case']>(sort: C): Extract<Said, { $case: C }>['value'][] {
    return this.said.filter((s) => s.$case === sort).map((s) => s.value) as never;
  }

  #attach(stream: Stream): void {
    stream.on('error', () => undefined);
    stream.on('data', ({ body }: se.SeMessage) => {
      if (body === undefined) return;
      this.said.push(body);
      if (body.$case !== 'hello') return;
      this.hellos.push(body.value);
      this.serials.push(stream.getAuthContext().sslPeerCertificate?.serialNumber ?? '');
      this.#stream = stream;
      this.send({ $case: 'welcome', value: { epoch: 1, heartbeatIntervalMs: 100 } });
    });
    stream.on('end', () => stream.end());
    stream.on('close', () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
  }

  async #answer(url: string, body: Record<string, string>): Promise<Record<string, string>> {
    if (url.endsWith('/renew')) this.renewed.rest++;
    else this.enrolled++;
    return {
      se_uuid: 'serviceengine-1',
      se_name: body['se_name'] ?? 'se-1',
      certificate_pem: await this.#certify(body['csr_pem'] ?? ''),
      ca_pem: this.ca.toString('pem'),
      grpc: `127.0.0.1:${this.#ports.grpc}`,
    };
  }

  async #certify(csrPem: string): Promise<string> {
    const request = new x509.Pkcs10CertificateRequest(csrPem);
    if (!(await request.verify())) throw new Error('the request is not signed by its key');
    const spki = createPublicKey({
      key: Buffer.from(request.publicKey.rawData),
      format: 'der',
      type: 'spki',
    });
    const key = await crypto.subtle.importKey(
      'spki',
      spki.export({ type: 'spki', format: 'der' }),
      ALGORITHM,
      true,
      ['verify'],
    );
    return await this.#issue(key, 'CN=serviceengine-1', this.lifetime, []);
  }

  async #issue(
    publicKey: CryptoKey,
    subject: string,
    lifetime: number,
    names: { type: 'ip' | 'dns'; value: string }[],
  ): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(8).toString('hex'),
      issuer: this.ca.subjectName,
      subject,
      notBefore: new Date(Date.now() - Math.min(BACKDATE, lifetime)),
      notAfter: new Date(Date.now() + lifetime),
      publicKey,
      signingKey: this.caKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
    });
    return certificate.toString('pem');
  }
}

const toPem = (what: string, der: Buffer): string =>
  `-----BEGIN ${what}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${what}-----\n`;
