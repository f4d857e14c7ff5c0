#include "smsr/eis.h"

/* euicc        what the EUM registered; euicc_state beside it: what changes; euicc_signed: what is
 *              long and seldom wanted, so that a page holds many of the others
 * profile      one ISD-P; In-Creation ones too
 * keyset       of ISD-R; sealed
 * audit        append only
 * plma, onc    what operators said about others and about themselves
 * procedure    smsr/procedure.h; ended ones are kept for a while
 * script       smsr/radio.h
 * Further tables: smsr/air.h, smsr/handover.h. */
const char smsr_schema[] =
    "CREATE TABLE euicc ("
    " eid BLOB PRIMARY KEY,"
    " eum_id TEXT NOT NULL,"
    " ecasd_certificate BLOB NOT NULL,"
    " isdp_loadfile BLOB NOT NULL,"
    " isdp_module BLOB NOT NULL,"
    " isdr_aid BLOB NOT NULL,"
    " isdr_tars BLOB NOT NULL," /* 3 bytes each */
    " sin BLOB NOT NULL,"
    " sdin BLOB NOT NULL,"
    " http INTEGER NOT NULL,"
    " cattp INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE euicc_signed ("
    " eid BLOB PRIMARY KEY,"
    " signed_info BLOB NOT NULL," /* as received */
    " eum_signature BLOB NOT NULL);"
    "CREATE TABLE euicc_state ("
    " eid BLOB PRIMARY KEY,"
    " remaining_memory INTEGER NOT NULL,"
    " available_memory INTEGER NOT NULL,"
    " last_audit_ms INTEGER NOT NULL,"
    " procedure INTEGER NOT NULL," /* that holds it; 0 = none */
    " handover INTEGER NOT NULL,"  /* that locks it; 0 = none */
    " in_doubt INTEGER NOT NULL,"
    " notification_number INTEGER," /* NULL = none yet */
    " notification_type INTEGER,"
    " notification_aid BLOB,"
    " notification_confirmed INTEGER NOT NULL,"
    " imei BLOB,"
    " msisdn TEXT) WITHOUT ROWID;"
    "CREATE TABLE profile ("
    " eid BLOB NOT NULL,"
    " iccid TEXT NOT NULL,"
    " aid BLOB NOT NULL,"
    " mno_id TEXT NOT NULL,"
    " smdp_id TEXT,"
    " type TEXT,"
    " imsi TEXT,"
    " msisdn TEXT,"
    " state INTEGER NOT NULL," /* enum smsr_profile_state */
    " fallback INTEGER NOT NULL,"
    " emergency INTEGER NOT NULL,"
    " pol2 INTEGER NOT NULL," /* SMSR_POL2_... */
    " allocated_memory INTEGER NOT NULL,"
    " free_memory INTEGER NOT NULL," /* -1 = not known */
    " PRIMARY KEY(eid, iccid),"
    " UNIQUE(eid, aid)) WITHOUT ROWID;"
    "CREATE INDEX profile_owner ON profile(mno_id, smdp_id);"
    "CREATE TABLE keyset ("
    " eid BLOB NOT NULL,"
    " version INTEGER NOT NULL,"
    " type INTEGER NOT NULL,"    /* enum soap_keyset_type */
    " counter INTEGER NOT NULL," /* last one given */
    " keys BLOB NOT NULL,"       /* sealed */
    " PRIMARY KEY(eid, version)) WITHOUT ROWID;"
    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY,"
    " eid BLOB NOT NULL,"
    " smsr_id TEXT NOT NULL,"
    " date_ms INTEGER NOT NULL,"
    " operation INTEGER NOT NULL,"
    " requester TEXT,"
    " status INTEGER," /* enum soap_execution */
    " subject TEXT,"
    " reason TEXT,"
    " identifier TEXT,"
    " message TEXT,"
    " aid BLOB,"
    " iccid TEXT,"
    " imei BLOB,"
    " meid BLOB);"
    "CREATE INDEX audit_eid ON audit(eid, id);"
    "CREATE TABLE property ("
    " eid BLOB NOT NULL,"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY(eid, key)) WITHOUT ROWID;"
    "CREATE TABLE plma ("
    " mno_id TEXT NOT NULL,"
    " profile_type TEXT NOT NULL,"
    " m2m_sp_id TEXT NOT NULL,"
    " operations INTEGER NOT NULL," /* bits: index in soap_plma_operations */
    " PRIMARY KEY(mno_id, profile_type, m2m_sp_id)) WITHOUT ROWID;"
    "CREATE INDEX plma_grantee ON plma(m2m_sp_id);"
    "CREATE TABLE onc ("
    " mno_id TEXT NOT NULL,"
    " profile_type TEXT NOT NULL,"
    " discarded INTEGER NOT NULL," /* bits: index in soap_notifications */
    " PRIMARY KEY(mno_id, profile_type)) WITHOUT ROWID;"
    "CREATE TABLE procedure ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* never twice: scripts and locks name it */
    " revision INTEGER NOT NULL,"
    " kind INTEGER NOT NULL,"   /* enum smsr_kind */
    " state INTEGER NOT NULL,"  /* enum smsr_proc_state */
    " before INTEGER NOT NULL," /* the same */
    " eid BLOB NOT NULL,"
    " exchange INTEGER NOT NULL,"
    " requester TEXT,"
    " function INTEGER NOT NULL,"
    " iccid TEXT,"
    " other TEXT,"
    " aid BLOB,"
    " data BLOB,"
    " response BLOB,"
    " more_to_do INTEGER NOT NULL,"
    " switched INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL,"
    " deadline_ms INTEGER NOT NULL,"
    " ended_ms INTEGER,"
    " due_ms INTEGER,"
    " status INTEGER NOT NULL," /* enum soap_execution; 0 = not known yet */
    " subject TEXT,"
    " reason TEXT,"
    " identifier TEXT,"
    " message TEXT);"
    "CREATE INDEX procedure_eid ON procedure(eid, id);"
    "CREATE INDEX procedure_due ON procedure(due_ms) WHERE due_ms IS NOT NULL;"
    "CREATE INDEX procedure_ended ON procedure(ended_ms) WHERE ended_ms IS NOT NULL;"
    "CREATE TABLE script ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* never twice: late outcomes name it */
    " procedure INTEGER NOT NULL,"
    " eid BLOB NOT NULL,"
    " target BLOB,"
    " commands BLOB NOT NULL,"
    " more_to_do INTEGER NOT NULL,"
    " is_switch INTEGER NOT NULL,"
    " is_confirmation INTEGER NOT NULL,"
    " deadline_ms INTEGER NOT NULL,"
    " has_left INTEGER NOT NULL,"
    " channel INTEGER NOT NULL," /* enum smsr_channel */
    " attempts INTEGER NOT NULL,"
    " next_ms INTEGER NOT NULL,"
    " packet BLOB,"
    " keyset INTEGER NOT NULL,"
    " counter INTEGER NOT NULL);"
    "CREATE INDEX script_eid ON script(eid, has_left DESC, is_confirmation DESC, id);"
    "CREATE INDEX script_due ON script(next_ms);"
    "CREATE INDEX script_procedure ON script(procedure);";
