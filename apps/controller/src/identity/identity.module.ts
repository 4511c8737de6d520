import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { RestModule } from '../rest/rest.module.js';
import { AccountController } from './account.controller.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { LoginController } from './login.controller.js';
import { SessionService } from './session.service.js';
import { UserHooks } from './user.hooks.js';

@Global()
@Module({
  imports: [RestModule],
  controllers: [LoginController, AccountController],
  providers: [SessionService, Authenticator, UserHooks, { provide: APP_GUARD, useClass: AuthGuard }],
  exports: [SessionService, Authenticator],
})
export class IdentityModule {}
