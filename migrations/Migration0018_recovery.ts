import { Migration } from '@mikro-orm/migrations';

export class Migration0018_recovery extends Migration {
  override up(): void {
    this.addSql(`
      create table password_history (
        id uuid not null, user_id uuid not null, hash text not null, scheme text null, replaced_at timestamptz(3) not null,
        constraint password_history_pkey primary key (id)
      )
    `);
    this.addSql(
      `alter table password_history add constraint password_history_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`create index password_history_user_id_index on password_history (user_id)`);
  }
}
