export const PACKAGE = 'service-engine';
