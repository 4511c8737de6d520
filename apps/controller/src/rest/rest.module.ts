import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ApiExceptionFilter } from './exception.filter.js';
import { SslKeyAndCertificateHooks } from './kinds/sslkeyandcertificate.js';
import { ObjectController } from './object.controller.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter } from './object-writer.js';

@Module({
  controllers: [ObjectController],
  providers: [
    ObjectReader,
    ObjectWriter,
    SslKeyAndCertificateHooks,
    { provide: APP_FILTER, useClass: ApiExceptionFilter },
  ],
  exports: [ObjectReader, ObjectWriter],
})
export class RestModule {}
