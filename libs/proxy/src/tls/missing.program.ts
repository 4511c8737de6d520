import { check, equal, runCases } from '../suite/cases.js';
import { certificate } from '@spillway/testing/certificates';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';
import { TLS } from '../suite/tls.js';
import { tlsLibraryHere } from './libssl.js';

const { missing } = tlsLibraryHere('/nonexistent');

await runCases([
  {
    name: 'without a TLS library only what needs one is refused, with the remedy',
    async run() {
      const rig = await Rig.make();
      const origin = await Origin.start();
      const [secure, plain, front] = [await freePort(), await freePort(), await freePort()];
      const own = await certificate({ cn: 'a.example' });
      rig.secrets = { certificates: [own] };
      const tls = { profile: TLS, certificate_uuids: [own.uuid], protocols: [] };
      await rig.apply(
        [
          { uuid: 'secure', ports: [secure], tls },
          { uuid: 'plain', ports: [plain] },
          { uuid: 'front', ports: [front], pool: 'inside' },
        ],
        {
          pool: { servers: [{ port: origin.port }] },
          inside: { servers: [{ port: origin.port }], tls: { profile: TLS, sni_enabled: false } },
        },
      );
      const status = rig.plane.status().find((s) => s.virtual_service_uuid === 'secure')!;
      equal([status.state, status.error?.code], ['failed', 'TLS_LIBRARY_MISSING'], 'status');
      check(/libssl3.*SPILLWAY_OPENSSL_DIR/.test(status.error!.message), status.error!.message);
      equal(missing, true, 'what the log says');
      equal((await (await RawClient.open(plain)).get('/')).status, 200, 'the other virtual service');
      const inside = await (await RawClient.open(front)).get('/');
      equal(inside.status, 503, 'a pool with TLS');
      check(/no TLS library/.test(inside.body.toString()), inside.body.toString());
      rig.plane.close();
      origin.stop();
    },
  },
]);
