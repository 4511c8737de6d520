import { z } from 'zod';
import { address } from './primitives.js';

/** Addresses from `first` to `last`, both included and of one family; a single one is both. */
export const AddressRange = z.strictObject({ first: address, last: address });
export type AddressRange = z.infer<typeof AddressRange>;
