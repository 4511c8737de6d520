import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The stream that an SE is attached by, so that a replica never writes for a stream that another took over. */
export class SeSession1795307500000 implements MigrationInterface {
  name = 'SeSession1795307500000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "se_runtime" ADD "session_id" text NOT NULL DEFAULT ''`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "se_runtime" DROP COLUMN "session_id"`);
  }
}
