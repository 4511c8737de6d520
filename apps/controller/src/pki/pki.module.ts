import os from 'node:os';
import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SETTINGS, type Settings } from '../config/settings.js';
import { DatabaseAuthorityStore } from './authority-store.js';
import { PkiService } from './pki.service.js';

@Global()
@Module({
  providers: [
    {
      provide: PkiService,
      inject: [DataSource, SETTINGS],
      useFactory: (dataSource: DataSource, settings: Settings) =>
        new PkiService(new DatabaseAuthorityStore(dataSource), {
          dir: settings.dir,
          secretKeyFile: settings.secretKeyFile,
          serverNames: serverNames(settings),
        }),
    },
  ],
  exports: [PkiService],
})
export class PkiModule {}

/** What clients and SEs may call this replica by; all its addresses where it listens on all of them. */
function serverNames(settings: Settings): string[] {
  const hosts = [settings.api.host, settings.grpc.host, settings.status.host];
  const everywhere = hosts.some((host) => host === '0.0.0.0' || host === '::');
  const own = Object.values(os.networkInterfaces()).flatMap((list) => (list ?? []).map((i) => i.address));
  return [
    ...new Set([
      ...(settings.advertise ? [settings.advertise] : []),
      ...hosts,
      ...(everywhere ? own.filter((address) => !address.includes('%')) : []),
    ]),
  ];
}
