/** Reads of specs. They are stored with their defaults, so a fallback only guards against objects of other versions. */

type Spec = Readonly<Record<string, unknown>>;

export const numberOf = (spec: Spec | undefined, field: string, fallback: number): number => {
  const value = spec?.[field];
  return typeof value === 'number' ? value : fallback;
};

export const textOf = (spec: Spec | undefined, field: string, fallback = ''): string => {
  const value = spec?.[field];
  return typeof value === 'string' ? value : fallback;
};

export const objectOf = (spec: Spec | undefined, field: string): Spec | undefined => {
  const value = spec?.[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Spec) : undefined;
};

export const listOf = (spec: Spec | undefined, field: string): readonly Spec[] => {
  const value = spec?.[field];
  return Array.isArray(value) ? (value as Spec[]).filter((v) => typeof v === 'object' && v !== null) : [];
};
