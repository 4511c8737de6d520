import { DataSource } from 'typeorm';
import { dataSourceOptions } from './options.js';

/** For TypeORM's command line: `typeorm migration:generate --check -d dist/database/data-source.js x`. */
export const dataSource = new DataSource(dataSourceOptions(process.env['DATABASE_URL'] ?? ''));
