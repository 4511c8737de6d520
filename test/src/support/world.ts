export { type PlacedOn, stepTimes, World, type WorldOptions } from '@spillway/testing';
