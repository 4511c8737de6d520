import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many checks of health monitors passed and failed over time, and what is wrong with a certificate. */
export class MonitorCounts1795326000000 implements MigrationInterface {
  name = 'MonitorCounts1795326000000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "monitor_count" (
                "pool_uuid" text NOT NULL,
                "server" text NOT NULL,
                "health_monitor_uuid" text NOT NULL,
                "span" integer NOT NULL,
                "bucket" TIMESTAMP WITH TIME ZONE NOT NULL,
                "passed" bigint NOT NULL DEFAULT '0',
                "failed" bigint NOT NULL DEFAULT '0',
                CONSTRAINT "PK_771bd50320d271999f39814c8d7" PRIMARY KEY ("pool_uuid", "server", "health_monitor_uuid", "span", "bucket")
            )`);
    await queryRunner.query(
      `CREATE INDEX "IDX_0b2adaa6dc910e4dc10fa9277a" ON "monitor_count" ("span", "bucket")`,
    );
    await queryRunner.query(`ALTER TABLE "server_verdict" ADD "ssl_error_code" text NOT NULL DEFAULT ''`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "server_verdict" DROP COLUMN "ssl_error_code"`);
    await queryRunner.query(`DROP TABLE "monitor_count"`);
  }
}
