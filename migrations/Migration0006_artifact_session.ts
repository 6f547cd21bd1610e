import { Migration } from '@mikro-orm/migrations';

export class Migration0006_artifact_session extends Migration {
  override up(): void {
    this.addSql(`alter table oidc_artifact add column session_hash bytea null`);
  }
}
