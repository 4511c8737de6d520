import { Module } from '@nestjs/common';
import { NamesService } from './names.service.js';

/** What the names of servers resolve to. */
@Module({ providers: [NamesService] })
export class NamesModule {}
