export { startController, type RunningController } from './start.js';
export { readSettings, SETTINGS, SettingsError, type Listen, type Settings } from './config/settings.js';
