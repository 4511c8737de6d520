import type { se } from '@spillway/protocol';
import type { Fragment } from '@spillway/snapshot';

const encoded = new WeakMap<Fragment, se.Fragment>();

/** A fragment as it goes over the wire, encoded once for all SEs that get it. */
export function wireFragment(fragment: Fragment): se.Fragment {
  const known = encoded.get(fragment);
  if (known !== undefined) return known;
  const wire = { type: fragment.type, key: fragment.key, body: Buffer.from(JSON.stringify(fragment.body)) };
  encoded.set(fragment, wire);
  return wire;
}
