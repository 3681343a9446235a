-- The tables and functions of the seat ledger; see ledger.py. Run at installation and at every
-- upgrade, so each statement may find its work done.

-- The credits of all agents, in one row: every decision changes those of all its candidates, and a
-- thousand new row versions a decision cost more than all the rest of it. Numbers are packed as
-- 64-bit integers: as arrays they take PostgreSQL and psycopg2 several times as long.
CREATE TABLE IF NOT EXISTS livechat_dispatch_credit (
    id integer PRIMARY KEY CHECK (id = 1),
    turn bigint NOT NULL,
    user_ids bytea NOT NULL,
    credits bytea NOT NULL,
    last_turns bytea NOT NULL
);
INSERT INTO livechat_dispatch_credit VALUES (1, 0, '', '', '') ON CONFLICT DO NOTHING;

-- One row per decision whose outcome is not settled: a handful at any time.
CREATE TABLE IF NOT EXISTS livechat_dispatch_reservation (
    id bigserial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid xid8 NOT NULL,
    user_id integer NOT NULL,
    candidate_ids bytea NOT NULL,
    shares bytea NOT NULL
);

-- Compressing such numbers costs more than it saves.
ALTER TABLE livechat_dispatch_credit
    ALTER user_ids SET STORAGE EXTERNAL,
    ALTER credits SET STORAGE EXTERNAL,
    ALTER last_turns SET STORAGE EXTERNAL;
ALTER TABLE livechat_dispatch_reservation
    ALTER candidate_ids SET STORAGE EXTERNAL,
    ALTER shares SET STORAGE EXTERNAL;

-- The agents of each open chat: the relation of discuss.channel.dispatch_seat_partner_ids, kept by
-- the ORM. Made here, before the ORM would make it, because the ORM fills a new one by computing
-- every chat the shop ever had. Served by core's index on the chats that are open.
DO $$
BEGIN
    IF to_regclass('livechat_dispatch_seat') IS NULL THEN
        CREATE TABLE livechat_dispatch_seat (
            discuss_channel_id integer NOT NULL,
            partner_id integer NOT NULL,
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

-- The reading statements are functions because PostgreSQL plans a function's statements once per
-- connection; planning took longer than reading. They are STABLE: all of one call is read from one
-- snapshot, so that a chat and the reservation it came from are never both counted.

-- The groups that are or imply the right to receive buyers: effective at this moment, whatever an
-- application server may have cached. A few rows of res_groups_implied_rel.
CREATE OR REPLACE FUNCTION livechat_dispatch_receive_groups(receive_group_id integer)
RETURNS integer[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE receive_group (id) AS (
        SELECT receive_group_id
         UNION
        SELECT implied.gid
          FROM res_groups_implied_rel implied
          JOIN receive_group ON implied.hid = receive_group.id
    )
    SELECT array_agg(id) FROM receive_group
$$;

-- Whether the reservation of this transaction holds a seat: while the transaction is in progress.
-- Our own is past that: what it did, its own statements see.
CREATE OR REPLACE FUNCTION livechat_dispatch_is_held(xid xid8)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT pg_visible_in_snapshot(xid, pg_current_snapshot())
           AND xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
$$;

-- The facts of policy.Agent, up to quiet_chats, of a channel's agents and its main account, or of
-- the given users and no others. Served by im_livechat_channel_im_user_pkey, res_users_pkey and
-- res_partner_pkey, the unique index on mail_presence (user_id), res_groups_users_rel's index on
-- gid, livechat_dispatch_seat_pkey and the index discuss_channel__dispatch_open_idx.
CREATE OR REPLACE FUNCTION livechat_dispatch_agents(
    a_channel_id integer, a_user_ids integer[], a_main_account_id integer,
    a_receive_group_id integer, a_lang varchar, a_country_id integer,
    a_quiet_before timestamp, a_call_alive_after timestamp
)
RETURNS TABLE (
    user_id integer, weight integer, enabled boolean, permitted boolean, online boolean,
    paused boolean, in_call boolean, is_main_account boolean, speaks_language boolean,
    same_country boolean, lively_chats bigint, quiet_chats bigint
)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    receive_groups integer[] := livechat_dispatch_receive_groups(a_receive_group_id);
BEGIN
    RETURN QUERY
    SELECT users.id,
           users.dispatch_weight,
           users.active,
           users.id IN (SELECT uid FROM res_groups_users_rel WHERE gid = ANY (receive_groups)),
           users.id IN (
               SELECT presence.user_id
                 FROM mail_presence presence
                WHERE presence.user_id IS NOT NULL AND presence.status = 'online'
           ),
           users.dispatch_paused IS TRUE,
           users.partner_id IN (
               SELECT member.partner_id
                 FROM discuss_channel_rtc_session session
                 JOIN discuss_channel_member member ON member.id = session.channel_member_id
                WHERE member.partner_id IS NOT NULL AND session.write_date >= a_call_alive_after
           ),
           users.id IS NOT DISTINCT FROM a_main_account_id,
           (partner.lang = a_lang) IS TRUE OR users.id IN (
               SELECT settings.user_id
                 FROM res_lang lang
                 JOIN res_lang_res_users_settings_rel spoken ON spoken.res_lang_id = lang.id
                 JOIN res_users_settings settings ON settings.id = spoken.res_users_settings_id
                WHERE lang.code = a_lang
           ),
           (partner.country_id = a_country_id) IS TRUE,
           coalesce(load.lively, 0) + coalesce(reserved.seats, 0),
           coalesce(load.quiet, 0)
      FROM res_users users
      JOIN res_partner partner ON partner.id = users.partner_id
 LEFT JOIN (SELECT seat.partner_id,
                   count(*) FILTER (WHERE chat.last_interest_dt >= a_quiet_before) AS lively,
                   count(*) FILTER (WHERE chat.last_interest_dt < a_quiet_before
                                       OR chat.last_interest_dt IS NULL) AS quiet
              FROM livechat_dispatch_seat seat
              JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
             WHERE chat.livechat_end_dt IS NULL AND chat.channel_type = 'livechat'
          GROUP BY seat.partner_id) load ON load.partner_id = users.partner_id
 LEFT JOIN (SELECT reservation.user_id, count(*) AS seats
              FROM livechat_dispatch_reservation reservation
             WHERE livechat_dispatch_is_held(reservation.xid)
          GROUP BY reservation.user_id) reserved ON reserved.user_id = users.id
     WHERE users.id IN (
               SELECT agent.user_id
                 FROM im_livechat_channel_im_user agent
                WHERE agent.channel_id = a_channel_id AND a_user_ids IS NULL
            UNION ALL
               SELECT a_main_account_id WHERE a_user_ids IS NULL
            UNION ALL
               SELECT unnest(a_user_ids)
           );
END $$;

-- Whether one more chat fits: policy.load and policy.capacity in SQL. round() of a double precision
-- takes halves to even, as Python's does.
CREATE OR REPLACE FUNCTION livechat_dispatch_has_room(
    lively_chats bigint, quiet_chats bigint, quiet_hold double precision,
    max_sessions integer, weight integer
)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT max_sessions IS NULL
           OR round((lively_chats + quiet_hold * quiet_chats)::numeric, 6) + 1
              <= greatest(1, round((max_sessions * weight / 100.0)::double precision))
$$;

-- Whether anybody of a channel could take a chat now: policy.exclusion in SQL, because it is asked on
-- every page view of the shop; a test holds the two against each other. Mostly one of the first
-- agents has room, and looking at a few of them one by one is quickest; when none has, the shop is
-- busy and all are read at once. Served by the indexes of livechat_dispatch_agents and
-- livechat_dispatch_seat's by partner.
CREATE OR REPLACE FUNCTION livechat_dispatch_is_available(
    a_channel_id integer, a_main_account_id integer, a_main_account_reserved boolean,
    a_receive_group_id integer,
    a_quiet_before timestamp, a_call_alive_after timestamp,
    a_max_sessions integer, a_quiet_hold double precision, a_block_during_call boolean
)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    receive_groups integer[] := livechat_dispatch_receive_groups(a_receive_group_id);
    agent record;
    lively bigint;
    quiet bigint;
    reserved bigint;
BEGIN
    FOR agent IN
        SELECT users.id, users.partner_id, users.dispatch_weight
          FROM res_users users
         WHERE users.id IN (
                   SELECT user_id FROM im_livechat_channel_im_user WHERE channel_id = a_channel_id
               )
           AND users.active
           AND users.dispatch_paused IS NOT TRUE
           AND users.id IS DISTINCT FROM a_main_account_id
           AND (SELECT status = 'online' FROM mail_presence WHERE user_id = users.id)
           AND (SELECT count(*) > 0
                  FROM res_groups_users_rel
                 WHERE uid = users.id AND gid = ANY (receive_groups))
         LIMIT 10
    LOOP
        EXIT WHEN a_block_during_call;
        SELECT count(*) FILTER (WHERE chat.last_interest_dt >= a_quiet_before),
               count(*) FILTER (WHERE chat.last_interest_dt < a_quiet_before
                                   OR chat.last_interest_dt IS NULL)
          INTO lively, quiet
          FROM livechat_dispatch_seat seat
          JOIN discuss_channel chat ON chat.id = seat.discuss_channel_id
         WHERE seat.partner_id = agent.partner_id
           AND chat.livechat_end_dt IS NULL
           AND a_max_sessions IS NOT NULL;
        SELECT count(*)
          INTO reserved
          FROM livechat_dispatch_reservation
         WHERE user_id = agent.id AND livechat_dispatch_is_held(xid);
        IF livechat_dispatch_has_room(
            lively + reserved, quiet, a_quiet_hold, a_max_sessions, agent.dispatch_weight
        ) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN EXISTS (
        SELECT
          FROM livechat_dispatch_agents(
                   a_channel_id, NULL, a_main_account_id, a_receive_group_id, NULL, NULL,
                   a_quiet_before, a_call_alive_after
               ) facts
         WHERE facts.enabled
           AND facts.permitted
           AND facts.online
           AND NOT facts.paused
           AND NOT (facts.in_call AND a_block_during_call)
           AND NOT (facts.is_main_account AND a_main_account_reserved)
           AND livechat_dispatch_has_room(
                   facts.lively_chats, facts.quiet_chats, a_quiet_hold, a_max_sessions, facts.weight
               )
    );
END $$;
