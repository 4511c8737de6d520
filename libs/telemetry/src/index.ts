export const PACKAGE = 'telemetry';
