import {
  applyDefaults,
  checkRules,
  isKind,
  kinds,
  parseObject,
  type FieldError,
  type KindName,
} from '@spillway/model';
import { z } from 'zod';
import { errors } from '../errors.js';
import { fieldErrors } from '../rest/field-report.js';
import { heldReferences } from '../store/references.js';
import type { Spec } from '../store/index.js';
import { SealedPart } from './sealed-part.js';

export const FORMAT = 'spillway-configuration';

/** An export: every object, and what is secret only sealed. */
export const ConfigurationDocument = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  exported_at: z.string(),
  api_version: z.string(),
  epoch: z.int().min(0),
  generation: z.int().min(0),
  objects: z.array(
    z.object({
      kind: z.string(),
      uuid: z.string().regex(/^[a-z0-9-]{1,128}$/),
      system_default: z.boolean().default(false),
      spec: z.record(z.string(), z.unknown()),
    }),
  ),
  sealed: SealedPart.optional(),
});
export type ConfigurationDocument = z.infer<typeof ConfigurationDocument>;

export interface RestoredObject {
  readonly kind: KindName;
  readonly uuid: string;
  readonly systemDefault: boolean;
  readonly spec: Spec;
}

/** Reads a document; a 400 names the place that is wrong. */
export function parseDocument(body: unknown): ConfigurationDocument {
  const parsed = ConfigurationDocument.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw errors.badRequest(
    'EXPORT_INVALID',
    `This is not an export of a configuration: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
}

/** The known fields of one object, defaults filled. */
export function readSpec(kind: KindName, uuid: string, spec: unknown): Spec {
  const parsed = parseObject(kind, spec, { keepReadOnly: true });
  refuse(uuid, parsed.errors);
  return applyDefaults(kind, parsed.value as never) as unknown as Spec;
}

function refuse(uuid: string, refused: readonly FieldError[]): void {
  if (refused.length > 0) throw fieldErrors(refused.map((error) => within(uuid, error)));
}

/** Checks the rules over several fields, and that all references lie inside. */
export function checkDocument(objects: readonly RestoredObject[]): void {
  const byUuid = new Map(objects.map((object) => [object.uuid, object]));
  if (byUuid.size !== objects.length)
    throw errors.badRequest('EXPORT_INVALID', 'Two objects of the export have one uuid.');
  for (const { kind, uuid, spec } of objects) {
    const lookup = (_kind: KindName, reference: string): Spec | undefined => byUuid.get(reference)?.spec;
    refuse(uuid, checkRules(kind, spec as never, { lookup: lookup as never }));
    for (const reference of heldReferences(spec))
      if (!byUuid.has(reference.uuid))
        throw errors.badRequest(
          'EXPORT_INVALID',
          `${kinds[kind].type} ${uuid}: ${reference.path} refers to ${reference.uuid}, which is not in the export.`,
        );
  }
}

export function knownKind(kind: string): KindName {
  if (isKind(kind)) return kind;
  throw errors.badRequest(
    'EXPORT_INVALID',
    `The export has objects of kind ${kind}, which this release does not know.`,
  );
}

const within = (uuid: string, error: FieldError): FieldError => ({
  ...error,
  field: `${uuid}.${error.field}`,
  message: `${uuid}: ${error.message}`,
});
