import { z } from 'zod';

/** Simple values that occur all over the snapshot. */
export const uuid = z.string().min(1).max(128);
export const name = z.string().max(256);
export const port = z.int().min(1).max(65535);
export const milliseconds = z.int().min(0).max(86_400_000);
export const address = z.union([z.ipv4(), z.ipv6()]);
