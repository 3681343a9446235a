-- The tables of the seat ledger as they are made at the installation; see __init__.py. What an
-- upgrade changes about them is in migrations/.

-- The credits of all agents of a circle, in one row: every decision changes those of all its
-- candidates, and a thousand new row versions a decision cost more than all the rest of it. Numbers
-- are packed, 32 bits for an id or a turn and 64 for a credit: arrays take PostgreSQL and psycopg2
-- several times as long. The view livechat_dispatch_credits says them to people.
CREATE TABLE IF NOT EXISTS livechat_dispatch_credit (
    circle integer PRIMARY KEY,
    turn bigint NOT NULL,
    user_ids bytea NOT NULL,
    credits bytea NOT NULL,
    last_turns bytea NOT NULL
);

-- The channels that share agents, see circle.py; and that somebody has to look again.
CREATE TABLE IF NOT EXISTS livechat_dispatch_circle (
    channel_id integer PRIMARY KEY,
    circle integer NOT NULL
);
CREATE TABLE IF NOT EXISTS livechat_dispatch_regroup (
    id bigserial PRIMARY KEY
);
CREATE OR REPLACE FUNCTION livechat_dispatch_regroup() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO livechat_dispatch_regroup DEFAULT VALUES;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS livechat_dispatch_regroup ON im_livechat_channel_im_user;
CREATE TRIGGER livechat_dispatch_regroup
    AFTER INSERT OR DELETE OR UPDATE ON im_livechat_channel_im_user
    FOR EACH STATEMENT EXECUTE FUNCTION livechat_dispatch_regroup();

-- The credits as people read them, in chats; nothing of ours does.
CREATE OR REPLACE VIEW livechat_dispatch_credits AS
SELECT account.circle, users.id AS user_id, users.login,
       account.credit::numeric / %(chat)s AS credit, account.last_turn
  FROM (SELECT kept.circle,
               (SELECT sum(get_byte(kept.user_ids, 4 * number + byte)::bigint << 8 * byte)
                  FROM generate_series(0, 3) byte) AS user_id,
               (SELECT bit_or(get_byte(kept.credits, 8 * number + byte)::bigint << 8 * byte)
                  FROM generate_series(0, 7) byte) AS credit,
               (SELECT sum(get_byte(kept.last_turns, 4 * number + byte)::bigint << 8 * byte)
                  FROM generate_series(0, 3) byte) AS last_turn
          FROM livechat_dispatch_credit kept,
               generate_series(0, length(kept.user_ids) / 4 - 1) number) account
  LEFT JOIN res_users users ON users.id = account.user_id;

-- One row per decision whose outcome is not settled: a handful at any time.
CREATE TABLE IF NOT EXISTS livechat_dispatch_reservation (
    id bigserial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL,
    user_id integer NOT NULL,
    split bytea NOT NULL,
    circle integer NOT NULL
);

-- Who is asking for a chat, see door.py: of the last day only, and nothing that a crash may not lose.
CREATE UNLOGGED TABLE IF NOT EXISTS livechat_dispatch_buyer (
    channel_id integer NOT NULL,
    buyer text NOT NULL,
    guest_id integer,
    asked_at timestamp NOT NULL,
    PRIMARY KEY (channel_id, buyer)
);

-- How much buyers and addresses have asked for, see door.py; and how often they were turned away.
CREATE UNLOGGED TABLE IF NOT EXISTS livechat_dispatch_rate (
    what text NOT NULL,
    who text NOT NULL,
    amount integer NOT NULL,
    level double precision NOT NULL,
    asked_at timestamp NOT NULL,
    is_refused boolean NOT NULL,
    PRIMARY KEY (what, who)
);
CREATE TABLE IF NOT EXISTS livechat_dispatch_refusal (
    hour timestamp NOT NULL,
    what text NOT NULL,
    channel_id integer NOT NULL,
    times integer NOT NULL,
    PRIMARY KEY (hour, what, channel_id)
);

-- Compressing such numbers costs more than it saves.
ALTER TABLE livechat_dispatch_credit
    ALTER user_ids SET STORAGE EXTERNAL,
    ALTER credits SET STORAGE EXTERNAL,
    ALTER last_turns SET STORAGE EXTERNAL;
ALTER TABLE livechat_dispatch_reservation
    ALTER split SET STORAGE EXTERNAL;

-- The agents of each open chat: the relation of discuss.channel.dispatch_seat_partner_ids, kept by
-- the ORM. Made here, before the ORM would make it, because the ORM fills a new one by computing
-- every chat the shop ever had. Served by core's index on the chats that are open.
DO $$
BEGIN
    IF to_regclass('livechat_dispatch_seat') IS NULL THEN
        CREATE TABLE livechat_dispatch_seat (
            discuss_channel_id integer NOT NULL,
            partner_id integer NOT NULL,
            is_forgotten boolean NOT NULL DEFAULT false,
            PRIMARY KEY (discuss_channel_id, partner_id)
        );
        CREATE INDEX ON livechat_dispatch_seat (partner_id, discuss_channel_id);
        INSERT INTO livechat_dispatch_seat (discuss_channel_id, partner_id)
        SELECT DISTINCT history.channel_id, history.partner_id
          FROM im_livechat_channel_member_history history
          JOIN discuss_channel chat ON chat.id = history.channel_id
         WHERE chat.livechat_end_dt IS NULL
           AND chat.channel_type = 'livechat'
           AND history.livechat_member_type = 'agent'
           AND history.member_id IS NOT NULL
           AND history.partner_id IS NOT NULL;
    END IF;
END $$;

-- Of chats that nobody ended and nobody writes in, the daily cleaning notes that they are forgotten:
-- decisions look at the other seats only.
CREATE INDEX IF NOT EXISTS livechat_dispatch_seat_kept_idx
    ON livechat_dispatch_seat (partner_id, discuss_channel_id) WHERE NOT is_forgotten;
CREATE OR REPLACE FUNCTION livechat_dispatch_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whatever the row says: if the cleaning has changed it meanwhile, this transaction fails, and
    -- Odoo tries it again.
    UPDATE livechat_dispatch_seat SET is_forgotten = false WHERE discuss_channel_id = NEW.id;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS livechat_dispatch_wake ON discuss_channel;
CREATE TRIGGER livechat_dispatch_wake
    AFTER UPDATE OF last_interest_dt ON discuss_channel
    FOR EACH ROW
    WHEN (NEW.channel_type = 'livechat'
          AND OLD.last_interest_dt < now() AT TIME ZONE 'UTC' - %(woken_after)s)
    EXECUTE FUNCTION livechat_dispatch_wake();
