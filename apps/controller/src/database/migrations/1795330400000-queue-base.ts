import type { MigrationInterface, QueryRunner } from 'typeorm';

/** From where the counters of request queues are shown after they were cleared. */
export class QueueBase1795330400000 implements MigrationInterface {
  name = 'QueueBase1795330400000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "queue_base" (
                "pool_uuid" text NOT NULL,
                "se_uuid" text NOT NULL,
                "boot_id" text NOT NULL,
                "totals" jsonb NOT NULL,
                CONSTRAINT "PK_99b5df568eebf8fb51163b16969" PRIMARY KEY ("pool_uuid", "se_uuid")
            )`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE "queue_base"`);
  }
}
