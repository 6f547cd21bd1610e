import { Type } from '@mikro-orm/core';
import { fromUuid, type Id, toUuid } from './ids.ts';

/** A column of native uuids that the code sees as TypeIDs of one prefix. */
export class IdColumn<Prefix extends string> extends Type<Id<Prefix> | null, string | null> {
  // No #private field: the mapper copies column types member by member.
  readonly prefix: Prefix;

  constructor(prefix: Prefix) {
    super();
    this.prefix = prefix;
  }

  override convertToDatabaseValue(value: Id<Prefix> | null): string | null {
    if (value === null) return null;
    return value.includes('_') ? toUuid(value) : value;
  }

  override convertToJSValue(value: string | null): Id<Prefix> | null {
    if (value === null) return null;
    return (value.includes('_') ? value : fromUuid(this.prefix, value)) as Id<Prefix>;
  }

  override getColumnType(): string {
    return 'uuid';
  }

  override compareAsType(): string {
    return 'string';
  }
}
