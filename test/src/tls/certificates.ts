import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '@spillway/testing';

export interface Made {
  /** PEM, and the files it is in. */
  certificate: string;
  key: string;
  certificateFile: string;
  keyFile: string;
}

const KEY = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
} as const;

/** Certificates of the command line's OpenSSL, in a directory that goes with the process. */
export class Certificates {
  private readonly dir = mkdtempSync(path.join(tmpdir(), 'spillway-certificates-'));

  /** Signed by `by`, else by itself. */
  async make(
    name: string,
    options: { type?: 'ec' | 'rsa'; by?: Made; ca?: boolean; ocsp?: string } = {},
  ): Promise<Made> {
    const { type = 'ec', by, ca = false, ocsp } = options;
    const more = ocsp === undefined ? '' : `authorityInfoAccess=OCSP;URI:${ocsp}\n`;
    const base = path.join(this.dir, `${name}-${type}`);
    const [certificateFile, keyFile] = [`${base}.pem`, `${base}.key`];
    const config = `${base}.cnf`;
    writeFileSync(
      config,
      `[req]\ndistinguished_name=dn\nx509_extensions=x\nprompt=no\n[dn]\nCN=${name}\n[x]\nbasicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}\nsubjectAltName=DNS:${name}\n${more}`,
    );
    const common = ['-nodes', '-keyout', keyFile, '-config', config];
    const days = ['-days', '30'];
    if (by === undefined)
      await run('openssl', ['req', '-x509', ...KEY[type], ...common, '-out', certificateFile, ...days]);
    else {
      const request = `${base}.csr`;
      await run('openssl', ['req', ...KEY[type], ...common, '-out', request]);
      const authority = ['-CA', by.certificateFile, '-CAkey', by.keyFile, '-CAcreateserial'];
      const extensions = ['-extfile', config, '-extensions', 'x'];
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        request,
        ...authority,
        ...extensions,
        '-out',
        certificateFile,
        ...days,
      ]);
    }
    return {
      certificate: readFileSync(certificateFile, 'utf8'),
      key: readFileSync(keyFile, 'utf8'),
      certificateFile,
      keyFile,
    };
  }

  file(name: string): string {
    return path.join(this.dir, name);
  }
}
