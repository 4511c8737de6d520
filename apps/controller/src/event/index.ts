export { EventService } from './event.service.js';
export { diff, type FieldChange } from './diff.js';
export type { ConfigAction, ConfigChange, NewEvent } from './event.types.js';
