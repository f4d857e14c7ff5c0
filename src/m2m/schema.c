#include "m2m/messenger.h"

/* inbox   requests of others, with their answers
 * asked   requests of ours that wait for an answer
 * letter  what has to be posted: callbacks, notifications, own requests; a lane keeps its order
 *
 * No number is given twice: who has posted a letter says so when it may be gone (the answer came
 * before the reply to the POST) and another be there. */
const char m2m_schema[] = "CREATE TABLE inbox ("
                          " id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          " sender TEXT NOT NULL,"      /* OID */
                          " message_id TEXT NOT NULL,"  /* whole */
                          " function INTEGER NOT NULL," /* number of the table of functions */
                          " received_ms INTEGER NOT NULL,"
                          " deadline_ms INTEGER NOT NULL,"
                          " reply INTEGER NOT NULL," /* enum soap_reply */
                          " reply_to TEXT,"          /* URL of a callback, or poll address */
                          " reply_entity TEXT,"
                          " transaction_id TEXT,"
                          " eid BLOB,"
                          " call TEXT,"   /* FunctionCallIdentifier; NULL = none to go by */
                          " digest BLOB," /* of what is asked for */
                          " state INTEGER NOT NULL," /* enum m2m_state */
                          " answer BLOB,"            /* envelope, once there is one */
                          " done_ms INTEGER,"
                          " UNIQUE(sender, message_id));"
                          "CREATE INDEX inbox_call ON inbox(sender, call);"
                          "CREATE INDEX inbox_poll ON inbox(reply_to) WHERE reply = 2;"
                          "CREATE INDEX inbox_done ON inbox(done_ms) WHERE state = 1;"
                          "CREATE TABLE asked ("
                          " id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          " message_id TEXT NOT NULL UNIQUE," /* without arguments */
                          " transaction_id TEXT NOT NULL,"
                          " peer TEXT NOT NULL," /* OID */
                          " function INTEGER NOT NULL,"
                          " context TEXT NOT NULL,"
                          " deadline_ms INTEGER NOT NULL);"
                          "CREATE INDEX asked_deadline ON asked(deadline_ms);"
                          "CREATE TABLE letter ("
                          " id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          " lane TEXT NOT NULL,"
                          " peer TEXT NOT NULL," /* OID */
                          " url TEXT NOT NULL,"
                          " action TEXT NOT NULL,"
                          " asked INTEGER NOT NULL," /* 0 = no answer is waited for */
                          " created_ms INTEGER NOT NULL,"
                          " next_ms INTEGER NOT NULL,"
                          " give_up_ms INTEGER NOT NULL,"
                          " attempts INTEGER NOT NULL DEFAULT 0,"
                          " last_error TEXT,"
                          " body BLOB NOT NULL);" /* last: what is before it is read without it */
                          "CREATE INDEX letter_lane ON letter(lane, id, next_ms);"
                          "CREATE INDEX letter_asked ON letter(asked);";
