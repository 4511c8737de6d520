import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Initial1795305088318 implements MigrationInterface {
  name = 'Initial1795305088318';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "api_token" (
                "token_hash" text NOT NULL,
                "user_uuid" text NOT NULL,
                "created_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "expires_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                CONSTRAINT "PK_bafaa5aab5957cd193fb2da8f24" PRIMARY KEY ("token_hash")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_4d02694ab8eb86f598c06aa063" ON "api_token" ("user_uuid")
        `);
    await queryRunner.query(`
            CREATE TABLE "cluster_state" (
                "id" integer NOT NULL DEFAULT '1',
                "cluster_uuid" text NOT NULL,
                "epoch" bigint NOT NULL DEFAULT '1',
                "generation" bigint NOT NULL DEFAULT '0',
                "ca_certificate_pem" text,
                "ca_key_sealed" bytea,
                CONSTRAINT "PK_3f52d8a178cc69240be60a3a822" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "object" (
                "uuid" text NOT NULL,
                "kind" text NOT NULL,
                "tenant_uuid" text NOT NULL,
                "scope_uuid" text NOT NULL DEFAULT '',
                "name" text NOT NULL,
                "spec" jsonb NOT NULL,
                "generation" bigint NOT NULL,
                "last_modified" bigint NOT NULL,
                "system_default" boolean NOT NULL DEFAULT false,
                CONSTRAINT "PK_ef5b5246602cf7edfa57c465363" PRIMARY KEY ("uuid")
            )
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "object_unique_name" ON "object" ("kind", "tenant_uuid", "scope_uuid", "name")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_f69f61f5252cecf6db115e83c6" ON "object" ("kind", "name")
        `);
    await queryRunner.query(`
            CREATE TABLE "enrolment_token" (
                "token_hash" text NOT NULL,
                "se_group_uuid" text NOT NULL,
                "cloud_uuid" text NOT NULL,
                "se_name" text NOT NULL DEFAULT '',
                "se_uuid" text NOT NULL DEFAULT '',
                "expires_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                "used_at" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_b9823431d2dd421dae94c60956d" PRIMARY KEY ("token_hash")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "event" (
                "id" BIGSERIAL NOT NULL,
                "at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "event_id" text NOT NULL,
                "obj_type" text NOT NULL DEFAULT '',
                "obj_uuid" text NOT NULL DEFAULT '',
                "obj_name" text NOT NULL DEFAULT '',
                "tenant_uuid" text NOT NULL DEFAULT '',
                "user_name" text NOT NULL DEFAULT '',
                "description" text NOT NULL DEFAULT '',
                "details" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "PK_30c2f3bbaf6d34a55f8ae6e4614" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_569863f658353af4ecc774baaf" ON "event" ("at")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_2ec260742bd3e11a607690c4e5" ON "event" ("obj_uuid", "at")
        `);
    await queryRunner.query(`
            CREATE TABLE "object_reference" (
                "from_uuid" text NOT NULL,
                "path" text NOT NULL,
                "from_kind" text NOT NULL,
                "to_uuid" text NOT NULL,
                "to_kind" text NOT NULL,
                CONSTRAINT "PK_dfe8a3496ca369ac222b999cc63" PRIMARY KEY ("from_uuid", "path")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_13150a7f11d31d310e13391d77" ON "object_reference" ("to_uuid")
        `);
    await queryRunner.query(`
            CREATE TABLE "operation" (
                "uuid" text NOT NULL,
                "type" text NOT NULL,
                "subject_uuid" text NOT NULL,
                "subject_name" text NOT NULL DEFAULT '',
                "tenant_uuid" text NOT NULL DEFAULT '',
                "vip_id" text NOT NULL DEFAULT '',
                "params" jsonb NOT NULL DEFAULT '{}',
                "state" text NOT NULL,
                "step" text NOT NULL DEFAULT '',
                "steps" jsonb NOT NULL DEFAULT '[]',
                "progress" integer NOT NULL DEFAULT '0',
                "text" text NOT NULL DEFAULT '',
                "error_code" text NOT NULL DEFAULT '',
                "error" text NOT NULL DEFAULT '',
                "question" jsonb,
                "answer" jsonb,
                "cancel_requested" boolean NOT NULL DEFAULT false,
                "attempts" integer NOT NULL DEFAULT '0',
                "next_retry" TIMESTAMP WITH TIME ZONE,
                "requested_by" text NOT NULL DEFAULT '',
                "created_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "changed_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "ended_at" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_8f8c042f3beeda37042a67d91fa" PRIMARY KEY ("uuid")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_391bc9a49808cd92a35b555bc7" ON "operation" ("state")
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_e9594d7d85480c70f2b07eb117" ON "operation" ("subject_uuid")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "operation_one_at_a_time" ON "operation" ("subject_uuid", "vip_id")
            WHERE ended_at IS NULL
        `);
    await queryRunner.query(`
            CREATE TABLE "outbox" (
                "id" bigint NOT NULL,
                "kind" text NOT NULL,
                "uuid" text NOT NULL,
                "change" text NOT NULL,
                "at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT "PK_340ab539f309f03bdaa14aa7649" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "placement" (
                "id" uuid NOT NULL DEFAULT gen_random_uuid(),
                "vs_uuid" text NOT NULL,
                "vip_id" text NOT NULL,
                "se_uuid" text NOT NULL,
                "primary" boolean NOT NULL DEFAULT false,
                "desired" text NOT NULL,
                "drain_timeout" integer NOT NULL DEFAULT '30000',
                "epoch" bigint NOT NULL DEFAULT '1',
                "observed" text NOT NULL DEFAULT 'pending',
                "code" text NOT NULL DEFAULT '',
                "reason" text NOT NULL DEFAULT '',
                "holder" text NOT NULL DEFAULT '',
                "connections_left" bigint NOT NULL DEFAULT '0',
                "connections_reset" bigint NOT NULL DEFAULT '0',
                "desired_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "created_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "changed_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT "PK_4f8b29ee2db5213bcb38b6c71c4" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_c1b06960aa14b892dedfbd0401" ON "placement" ("se_uuid")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "placement_unique" ON "placement" ("vs_uuid", "vip_id", "se_uuid")
        `);
    await queryRunner.query(`
            CREATE TABLE "se_runtime" (
                "se_uuid" text NOT NULL,
                "connected" boolean NOT NULL DEFAULT false,
                "oper_state" text NOT NULL DEFAULT 'OPER_DOWN',
                "oper_reason" text NOT NULL DEFAULT '',
                "boot_id" text NOT NULL DEFAULT '',
                "version" text NOT NULL DEFAULT '',
                "epoch" bigint NOT NULL DEFAULT '0',
                "generation" bigint NOT NULL DEFAULT '0',
                "last_nack" jsonb,
                "host" jsonb NOT NULL DEFAULT '{}',
                "modes" jsonb NOT NULL DEFAULT '[]',
                "advice" jsonb NOT NULL DEFAULT '[]',
                "public_key_fingerprint" text NOT NULL DEFAULT '',
                "certificate_serial" text NOT NULL DEFAULT '',
                "certificate_not_after" TIMESTAMP WITH TIME ZONE,
                "heartbeat" jsonb,
                "last_seen" TIMESTAMP WITH TIME ZONE,
                "changed_at" TIMESTAMP WITH TIME ZONE,
                CONSTRAINT "PK_61334040a186054860fe1313cff" PRIMARY KEY ("se_uuid")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "server_verdict" (
                "se_uuid" text NOT NULL,
                "pool_uuid" text NOT NULL,
                "server" text NOT NULL,
                "up" boolean NOT NULL,
                "failure_code" text NOT NULL DEFAULT '',
                "failure_text" text NOT NULL DEFAULT '',
                "health_monitor_uuid" text NOT NULL DEFAULT '',
                "changed_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                CONSTRAINT "PK_1d6c968649b88be6819d3ad14fe" PRIMARY KEY ("se_uuid", "pool_uuid", "server")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_0222b7b4dbe707cc2629c68755" ON "server_verdict" ("pool_uuid")
        `);
    await queryRunner.query(`
            CREATE TABLE "session" (
                "id_hash" text NOT NULL,
                "csrf_token" text NOT NULL,
                "user_uuid" text NOT NULL,
                "created_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                "last_used_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                "expires_at" TIMESTAMP WITH TIME ZONE NOT NULL,
                CONSTRAINT "PK_e9476905e96fde31ad0ba43b1d3" PRIMARY KEY ("id_hash")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "IDX_14fa269777d4dcda1d0ba734bd" ON "session" ("user_uuid")
        `);
    await queryRunner.query(`
            CREATE TABLE "user_credential" (
                "user_uuid" text NOT NULL,
                "password_hash" text NOT NULL,
                "changed_at" TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT "PK_dfc09a1de66d47baa7730b3d769" PRIMARY KEY ("user_uuid")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "vs_scale" (
                "vs_uuid" text NOT NULL,
                "vip_id" text NOT NULL,
                "num_additional_se" integer NOT NULL DEFAULT '0',
                "basis" jsonb NOT NULL DEFAULT '{}',
                CONSTRAINT "PK_3bec829a104a9f0d2e864b89d67" PRIMARY KEY ("vs_uuid", "vip_id")
            )
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP TABLE "vs_scale"
        `);
    await queryRunner.query(`
            DROP TABLE "user_credential"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_14fa269777d4dcda1d0ba734bd"
        `);
    await queryRunner.query(`
            DROP TABLE "session"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_0222b7b4dbe707cc2629c68755"
        `);
    await queryRunner.query(`
            DROP TABLE "server_verdict"
        `);
    await queryRunner.query(`
            DROP TABLE "se_runtime"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."placement_unique"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_c1b06960aa14b892dedfbd0401"
        `);
    await queryRunner.query(`
            DROP TABLE "placement"
        `);
    await queryRunner.query(`
            DROP TABLE "outbox"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."operation_one_at_a_time"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_e9594d7d85480c70f2b07eb117"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_391bc9a49808cd92a35b555bc7"
        `);
    await queryRunner.query(`
            DROP TABLE "operation"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_13150a7f11d31d310e13391d77"
        `);
    await queryRunner.query(`
            DROP TABLE "object_reference"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_2ec260742bd3e11a607690c4e5"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_569863f658353af4ecc774baaf"
        `);
    await queryRunner.query(`
            DROP TABLE "event"
        `);
    await queryRunner.query(`
            DROP TABLE "enrolment_token"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_f69f61f5252cecf6db115e83c6"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."object_unique_name"
        `);
    await queryRunner.query(`
            DROP TABLE "object"
        `);
    await queryRunner.query(`
            DROP TABLE "cluster_state"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."IDX_4d02694ab8eb86f598c06aa063"
        `);
    await queryRunner.query(`
            DROP TABLE "api_token"
        `);
  }
}
