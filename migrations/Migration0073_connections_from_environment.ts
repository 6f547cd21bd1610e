import { Migration } from '@mikro-orm/migrations';

/** Connections that environment variables configure. */
export class Migration0073_connections_from_environment extends Migration {
  override up(): void {
    this.addSql('alter table connection add column from_environment boolean not null default false');
  }
}
