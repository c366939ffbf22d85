-- A history as schema 3 wrote it: `.dump` of a few calls.
BEGIN TRANSACTION;
CREATE TABLE calls (
    trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_span_id BLOB, root_span_id BLOB NOT NULL,
    start INTEGER NOT NULL, duration INTEGER, first_token INTEGER,
    project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    session TEXT NOT NULL, user TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL,
    operation TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL DEFAULT '', prompt_version TEXT NOT NULL DEFAULT '',
    ending TEXT NOT NULL, category TEXT NOT NULL, failure TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nanodollars INTEGER, cost_grade TEXT NOT NULL, wasted_nanodollars INTEGER NOT NULL, prices TEXT NOT NULL,
    attempts INTEGER NOT NULL, usage_missing INTEGER NOT NULL, tokens_tracked INTEGER NOT NULL,
    rest TEXT NOT NULL
) STRICT;
INSERT INTO "calls" VALUES(X'5BC8FBBCBDE5C0994164D8399F767C45',X'B0C11FDECB91CE37',NULL,X'B0C11FDECB91CE37',1793491200000000000,1000000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','ok','',NULL,1200,40,0,NULL,NULL,204000,'known',0,'genai-prices 0.2.1',1,0,1,'{"answers":[{"attempt":1,"cost":{"grade":"known","nanodollars":204000},"model":"gpt-4o-mini","usage":{"cache_read":0,"input":1200,"output":40}}]}');
INSERT INTO "calls" VALUES(X'A6EB8C9EBD69FE29D76D4330F1446BEB',X'87B0B125EC1D7DA1',NULL,X'87B0B125EC1D7DA1',1793516400000000000,1010000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','ok','',NULL,1201,40,0,NULL,NULL,204150,'known',0,'genai-prices 0.2.1',1,0,1,'{"answers":[{"attempt":1,"cost":{"grade":"known","nanodollars":204150},"model":"gpt-4o-mini","usage":{"cache_read":0,"input":1201,"output":40}}]}');
INSERT INTO "calls" VALUES(X'C6A5387777330BDBD7210DFF076CE2EF',X'3FC1EA36F17FD375',NULL,X'3FC1EA36F17FD375',1793541600000000000,1020000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','ok','',NULL,1202,40,0,NULL,NULL,204300,'known',0,'genai-prices 0.2.1',1,0,1,'{"answers":[{"attempt":1,"cost":{"grade":"known","nanodollars":204300},"model":"gpt-4o-mini","usage":{"cache_read":0,"input":1202,"output":40}}]}');
INSERT INTO "calls" VALUES(X'2827688DE6A16A3B0D464138A6233255',X'5F2DD97F1CFB10F7',NULL,X'5F2DD97F1CFB10F7',1793566800000000000,1030000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','error','rate_limit','{"category":"rate_limit"}',NULL,NULL,NULL,NULL,NULL,0,'known',0,'genai-prices 0.2.1',1,0,1,'{}');
INSERT INTO "calls" VALUES(X'617959CE3F1F65A8DE5271007814E8A3',X'1A1AFE878B33E969',NULL,X'1A1AFE878B33E969',1793592000000000000,1040000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','ok','',NULL,1204,40,0,NULL,NULL,204600,'known',0,'genai-prices 0.2.1',1,0,1,'{"answers":[{"attempt":1,"cost":{"grade":"known","nanodollars":204600},"model":"gpt-4o-mini","usage":{"cache_read":0,"input":1204,"output":40}}]}');
INSERT INTO "calls" VALUES(X'BB2EDB20035B73993FD4235992EDCF45',X'687C966C377B9AA3',NULL,X'687C966C377B9AA3',1793617200000000000,1050000000,NULL,'','','','s1','','job_analysis','','chat','analyze',':0','openai','gpt-4o-mini','','','ok','',NULL,1205,40,0,NULL,NULL,204750,'known',0,'genai-prices 0.2.1',1,0,1,'{"answers":[{"attempt":1,"cost":{"grade":"known","nanodollars":204750},"model":"gpt-4o-mini","usage":{"cache_read":0,"input":1205,"output":40}}]}');
CREATE TABLE daily (start INTEGER NOT NULL, project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL, operation TEXT NOT NULL, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, prompt_version TEXT NOT NULL, category TEXT NOT NULL, score TEXT NOT NULL, outcome TEXT NOT NULL, calls INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, panicked INTEGER NOT NULL, abandoned INTEGER NOT NULL, model_calls INTEGER NOT NULL, without_usage INTEGER NOT NULL, attempts INTEGER NOT NULL, retried INTEGER NOT NULL, recovered INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, input_audio_tokens INTEGER NOT NULL, output_audio_tokens INTEGER NOT NULL, positive INTEGER NOT NULL, negative INTEGER NOT NULL, outcomes INTEGER NOT NULL, searches INTEGER NOT NULL, results INTEGER NOT NULL, judged_results INTEGER NOT NULL, relevant INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, recovered_attempts INTEGER NOT NULL, backoff_nanos INTEGER NOT NULL, chunks INTEGER NOT NULL, late INTEGER NOT NULL, web_searches INTEGER NOT NULL, input_image_tokens INTEGER NOT NULL, output_image_tokens INTEGER NOT NULL, cost_nanodollars INTEGER NOT NULL, cost_known INTEGER NOT NULL, cost_at_least INTEGER NOT NULL, cost_unpriced INTEGER NOT NULL, wasted_nanodollars INTEGER NOT NULL, outcome_value_nanodollars INTEGER NOT NULL, latency BLOB NOT NULL, first_token BLOB NOT NULL, chunk_time BLOB NOT NULL, scores BLOB NOT NULL, PRIMARY KEY (start, project, service, environment, feature, strategy, operation, name, provider, model, prompt, prompt_version, category, score, outcome)) STRICT, WITHOUT ROWID;
INSERT INTO "daily" VALUES(1793491200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',3,3,0,0,0,0,3,0,3,0,0,3603,120,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,612450,3,0,0,0,0,X'0103EE18010201020180A8D6B90780DCDFCC078086D1C916',X'',X'',X'');
INSERT INTO "daily" VALUES(1793491200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','application',0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,25000000000,X'',X'',X'',X'');
INSERT INTO "daily" VALUES(1793491200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','match','',0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,X'',X'',X'',X'0101A41501808FFC52808FFC52808FFC52');
INSERT INTO "daily" VALUES(1793491200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','rate_limit','','',1,0,1,0,0,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,1,0,0,0,0,X'0101F4180180B6A4D60780B6A4D60780B6A4D607',X'',X'',X'');
INSERT INTO "daily" VALUES(1793577600000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',2,2,0,0,0,0,2,0,2,0,0,2409,80,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,409350,2,0,0,0,0,X'0102F6180104018090E9DF0780EAADE90780FA96C90F',X'',X'',X'');
CREATE TABLE facts (
    at INTEGER NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, number REAL, nanodollars INTEGER,
    results INTEGER, relevant INTEGER,
    call_trace_id BLOB, call_span_id BLOB,
    project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    session TEXT NOT NULL, user TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL,
    operation TEXT NOT NULL, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    prompt TEXT NOT NULL DEFAULT '', prompt_version TEXT NOT NULL DEFAULT '',
    rest TEXT
) STRICT;
INSERT INTO "facts" VALUES(1793498400000000000,'score','match',87.0,NULL,NULL,NULL,X'5BC8FBBCBDE5C0994164D8399F767C45',X'B0C11FDECB91CE37','','','','s1','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','',NULL);
INSERT INTO "facts" VALUES(1793523600000000000,'outcome','application',NULL,25000000000,NULL,NULL,X'A6EB8C9EBD69FE29D76D4330F1446BEB',X'87B0B125EC1D7DA1','','','','s1','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','',NULL);
CREATE TABLE hourly (start INTEGER NOT NULL, project TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL, feature TEXT NOT NULL, strategy TEXT NOT NULL, operation TEXT NOT NULL, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, prompt_version TEXT NOT NULL, category TEXT NOT NULL, score TEXT NOT NULL, outcome TEXT NOT NULL, calls INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, panicked INTEGER NOT NULL, abandoned INTEGER NOT NULL, model_calls INTEGER NOT NULL, without_usage INTEGER NOT NULL, attempts INTEGER NOT NULL, retried INTEGER NOT NULL, recovered INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, input_audio_tokens INTEGER NOT NULL, output_audio_tokens INTEGER NOT NULL, positive INTEGER NOT NULL, negative INTEGER NOT NULL, outcomes INTEGER NOT NULL, searches INTEGER NOT NULL, results INTEGER NOT NULL, judged_results INTEGER NOT NULL, relevant INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, recovered_attempts INTEGER NOT NULL, backoff_nanos INTEGER NOT NULL, chunks INTEGER NOT NULL, late INTEGER NOT NULL, web_searches INTEGER NOT NULL, input_image_tokens INTEGER NOT NULL, output_image_tokens INTEGER NOT NULL, cost_nanodollars INTEGER NOT NULL, cost_known INTEGER NOT NULL, cost_at_least INTEGER NOT NULL, cost_unpriced INTEGER NOT NULL, wasted_nanodollars INTEGER NOT NULL, outcome_value_nanodollars INTEGER NOT NULL, latency BLOB NOT NULL, first_token BLOB NOT NULL, chunk_time BLOB NOT NULL, scores BLOB NOT NULL, PRIMARY KEY (start, project, service, environment, feature, strategy, operation, name, provider, model, prompt, prompt_version, category, score, outcome)) STRICT, WITHOUT ROWID;
INSERT INTO "hourly" VALUES(1793491200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',1,1,0,0,0,0,1,0,1,0,0,1200,40,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,204000,1,0,0,0,0,X'0101EE180180A8D6B90780A8D6B90780A8D6B907',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793498400000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','match','',0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,X'',X'',X'',X'0101A41501808FFC52808FFC52808FFC52');
INSERT INTO "hourly" VALUES(1793516400000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',1,1,0,0,0,0,1,0,1,0,0,1201,40,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,204150,1,0,0,0,0,X'0101F0180180829BC30780829BC30780829BC307',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793523600000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','application',0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,25000000000,X'',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793541600000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',1,1,0,0,0,0,1,0,1,0,0,1202,40,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,204300,1,0,0,0,0,X'0101F2180180DCDFCC0780DCDFCC0780DCDFCC07',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793566800000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','rate_limit','','',1,0,1,0,0,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,0,1,0,0,0,0,X'0101F4180180B6A4D60780B6A4D60780B6A4D607',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793592000000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',1,1,0,0,0,0,1,0,1,0,0,1204,40,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,204600,1,0,0,0,0,X'0101F618018090E9DF078090E9DF078090E9DF07',X'',X'',X'');
INSERT INTO "hourly" VALUES(1793617200000000000,'','','','job_analysis','','chat','analyze','openai','gpt-4o-mini','','','','','',1,1,0,0,0,0,1,0,1,0,0,1205,40,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,204750,1,0,0,0,0,X'0101FA180180EAADE90780EAADE90780EAADE907',X'',X'',X'');
CREATE TABLE repricings (
    at INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, prices TEXT NOT NULL,
    looked_at INTEGER NOT NULL, changed INTEGER NOT NULL,
    before_nanodollars INTEGER NOT NULL, after_nanodollars INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (start INTEGER NOT NULL, session TEXT NOT NULL, calls INTEGER NOT NULL, model_calls INTEGER NOT NULL, cost_nanodollars INTEGER NOT NULL, cost_known INTEGER NOT NULL, cost_at_least INTEGER NOT NULL, cost_unpriced INTEGER NOT NULL, wasted_nanodollars INTEGER NOT NULL, outcomes INTEGER NOT NULL, outcome_value_nanodollars INTEGER NOT NULL, PRIMARY KEY (start, session))
         STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES(1793491200000000000,'s1',4,4,612450,4,0,0,0,1,25000000000);
INSERT INTO "sessions" VALUES(1793577600000000000,'s1',2,2,409350,2,0,0,0,0,0);
CREATE INDEX calls_by_start ON calls (start);
CREATE INDEX calls_by_span ON calls (span_id);
CREATE INDEX facts_by_time ON facts (at);
CREATE INDEX facts_by_call ON facts (call_span_id);
PRAGMA application_id = 1246708301;
PRAGMA user_version = 3;
COMMIT;
