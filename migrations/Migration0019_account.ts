import { Migration } from '@mikro-orm/migrations';

export class Migration0019_account extends Migration {
  override up(): void {
    this.addSql(`
      create table user_picture (
        user_id uuid not null, name text not null, large bytea not null, small bytea not null, created_at timestamptz(3) not null,
        constraint user_picture_pkey primary key (user_id)
      )
    `);
    this.addSql(
      `alter table user_picture add constraint user_picture_user_id_foreign foreign key (user_id) references users (id) on delete cascade`,
    );
    this.addSql(`alter table user_picture add constraint user_picture_name_unique unique (name)`);
    this.addSql(`alter table audit_event add column salt text null, add column digest text null`);
    this.addSql(`create index audit_event_actor_index on audit_event (actor_id)`);
  }
}
