import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { SETTINGS, type Settings } from '../config/settings.js';
import { dataSourceOptions, ensureCluster, entityClasses, migrate } from './options.js';

/** The connection pool (inject `DataSource`) and a repository per entity (`@InjectRepository`). */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [SETTINGS],
      useFactory: (settings: Settings) => ({
        ...dataSourceOptions(settings.databaseUrl),
        retryAttempts: 20,
        retryDelay: 250,
        // The database may still be starting; anything but that is told at once.
        toRetry: (err: { code?: string }) => /^(ECONNREFUSED|57P03)$/.test(err.code ?? ''),
      }),
      dataSourceFactory: async (options) => {
        if (!options) throw new Error('no database options');
        const dataSource = await new DataSource(options).initialize();
        await migrate(dataSource);
        await ensureCluster(dataSource);
        return dataSource;
      },
    }),
    TypeOrmModule.forFeature(entityClasses),
  ],
  exports: [TypeOrmModule],
})
export class DatabaseModule {}
