import { Module } from '@nestjs/common';
import { ObjectReader } from '../rest/object-reader.js';
import { CookieKeysService } from './cookie-keys.service.js';
import { UnfitPersistenceHooks } from './unfit.hooks.js';
import { RotateCookieKeysController } from './rotate.controller.js';

/** What the controller does for persistence of clients: keys of cookies, and what does not fit together. */
@Module({
  controllers: [RotateCookieKeysController],
  providers: [ObjectReader, CookieKeysService, UnfitPersistenceHooks],
})
export class PersistenceModule {}
