-- Made from the migrations by `python -m hubkiln.database.schema`, as a test checks.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE builds (
	id VARCHAR(32) NOT NULL,
	request TEXT NOT NULL,
	running_key VARCHAR(64),
	worker VARCHAR(32),
	owner VARCHAR(255) NOT NULL,
	state VARCHAR(16) NOT NULL,
	created DATETIME NOT NULL,
	started DATETIME,
	finished DATETIME,
	"commit" VARCHAR(255),
	"plan" VARCHAR(64),
	why TEXT,
	built TEXT,
	error TEXT,
	seconds TEXT,
	log_bytes BIGINT NOT NULL,
	last_seq INTEGER NOT NULL,
	stop_asked BOOLEAN NOT NULL, result_key VARCHAR(64), attempts INTEGER DEFAULT '0' NOT NULL, priority INTEGER DEFAULT '0' NOT NULL, provider VARCHAR(64), repository TEXT, groups TEXT, run_seconds FLOAT DEFAULT '0' NOT NULL,
	CONSTRAINT pk_builds PRIMARY KEY (id),
	CONSTRAINT uq_builds_running_key UNIQUE (running_key)
);
CREATE INDEX ix_builds_created ON builds (created);
CREATE INDEX ix_builds_worker ON builds (worker);
CREATE TABLE environments (
	id VARCHAR(32) NOT NULL,
	owner VARCHAR(255) NOT NULL,
	identity VARCHAR(64) NOT NULL,
	name VARCHAR(255) NOT NULL,
	description TEXT NOT NULL,
	spec TEXT NOT NULL,
	"commit" VARCHAR(255) NOT NULL,
	image VARCHAR(1024) NOT NULL,
	environment_key VARCHAR(255) NOT NULL,
	"plan" VARCHAR(64) NOT NULL,
	visibility VARCHAR(16) NOT NULL,
	created DATETIME NOT NULL,
	last_used DATETIME NOT NULL, pinned BOOLEAN DEFAULT '0' NOT NULL, shared_with VARCHAR(255), words TEXT, wants VARCHAR(64), awaits VARCHAR(64), resources TEXT,
	CONSTRAINT pk_environments PRIMARY KEY (id),
	CONSTRAINT uq_environments_owner_identity UNIQUE (owner, identity)
);
CREATE INDEX ix_environments_visibility ON environments (visibility);
CREATE TABLE locks (
	id INTEGER NOT NULL,
	recipe_key VARCHAR(255) NOT NULL,
	repository VARCHAR(1024) NOT NULL,
	digest VARCHAR(128) NOT NULL,
	text TEXT NOT NULL,
	created DATETIME NOT NULL,
	kept DATETIME NOT NULL,
	CONSTRAINT pk_locks PRIMARY KEY (id),
	CONSTRAINT uq_locks_recipe_key_repository_digest UNIQUE (recipe_key, repository, digest)
);
CREATE TABLE workers (
	id VARCHAR(32) NOT NULL,
	place VARCHAR(255) NOT NULL,
	pid INTEGER NOT NULL,
	started VARCHAR(32) NOT NULL,
	beat DATETIME NOT NULL, slots INTEGER DEFAULT '1' NOT NULL,
	CONSTRAINT pk_workers PRIMARY KEY (id)
);
CREATE TABLE build_events (
	build_id VARCHAR(32) NOT NULL,
	seq INTEGER NOT NULL,
	at DATETIME NOT NULL,
	kind VARCHAR(16) NOT NULL,
	data TEXT,
	text TEXT,
	"offset" BIGINT,
	CONSTRAINT pk_build_events PRIMARY KEY (build_id, seq),
	CONSTRAINT fk_build_events_build_id FOREIGN KEY(build_id) REFERENCES builds (id) ON DELETE CASCADE
);
CREATE INDEX ix_build_events_build_id_offset ON build_events (build_id, "offset");
CREATE TABLE build_users (
	build_id VARCHAR(32) NOT NULL,
	user VARCHAR(255) NOT NULL,
	joined DATETIME NOT NULL,
	"left" BOOLEAN NOT NULL, ref VARCHAR(512), wants VARCHAR(64), resources TEXT,
	CONSTRAINT pk_build_users PRIMARY KEY (build_id, user),
	CONSTRAINT fk_build_users_build_id FOREIGN KEY(build_id) REFERENCES builds (id) ON DELETE CASCADE
);
CREATE INDEX ix_build_users_user ON build_users (user);
CREATE TABLE environment_images (
	environment_id VARCHAR(32) NOT NULL,
	image VARCHAR(1024) NOT NULL,
	"commit" VARCHAR(255) NOT NULL,
	environment_key VARCHAR(255) NOT NULL,
	lock_digest VARCHAR(128) NOT NULL,
	"plan" VARCHAR(64) NOT NULL,
	built DATETIME NOT NULL, bytes BIGINT, packages INTEGER, gone BOOLEAN DEFAULT '0' NOT NULL, looked DATETIME, spec TEXT,
	CONSTRAINT pk_environment_images PRIMARY KEY (environment_id, image),
	CONSTRAINT fk_environment_images_environment_id FOREIGN KEY(environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
CREATE INDEX ix_environment_images_image ON environment_images (image);
CREATE INDEX ix_builds_result_key ON builds (result_key);
CREATE INDEX ix_builds_state ON builds (state);
CREATE TABLE rules (
	id VARCHAR(32) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	pattern TEXT NOT NULL,
	allowed BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	author VARCHAR(255) NOT NULL,
	created DATETIME NOT NULL,
	expires DATETIME,
	CONSTRAINT pk_rules PRIMARY KEY (id)
);
CREATE TABLE deliveries (
	digest VARCHAR(64) NOT NULL,
	heard DATETIME NOT NULL,
	CONSTRAINT pk_deliveries PRIMARY KEY (digest)
);
CREATE TABLE visits (
	address VARCHAR(64) NOT NULL,
	asked INTEGER NOT NULL,
	ends INTEGER NOT NULL,
	CONSTRAINT pk_visits PRIMARY KEY (address)
);
CREATE TABLE credentials (
	owner VARCHAR(128) NOT NULL,
	sealed TEXT NOT NULL,
	CONSTRAINT pk_credentials PRIMARY KEY (owner)
);
CREATE TABLE occasions (
	id VARCHAR(32) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	pattern TEXT NOT NULL,
	limits TEXT NOT NULL,
	begins DATETIME NOT NULL,
	ends DATETIME NOT NULL,
	reason TEXT NOT NULL,
	author VARCHAR(255) NOT NULL,
	created DATETIME NOT NULL,
	CONSTRAINT pk_occasions PRIMARY KEY (id)
);
CREATE TABLE launches (
	id VARCHAR(32) NOT NULL,
	owner VARCHAR(255) NOT NULL,
	at DATETIME NOT NULL,
	CONSTRAINT pk_launches PRIMARY KEY (id)
);
CREATE INDEX ix_launches_owner_at ON launches (owner, at);
CREATE TABLE notices (
	build_id VARCHAR(32) NOT NULL,
	url VARCHAR(1024) NOT NULL,
	due DATETIME NOT NULL,
	attempts INTEGER DEFAULT '0' NOT NULL,
	done DATETIME,
	CONSTRAINT pk_notices PRIMARY KEY (build_id, url),
	CONSTRAINT fk_notices_build_id FOREIGN KEY(build_id) REFERENCES builds (id) ON DELETE CASCADE
);
CREATE INDEX ix_notices_done_due ON notices (done, due);
CREATE INDEX ix_build_users_user_wants ON build_users (user, wants);
CREATE TABLE schedules (
	id VARCHAR(32) NOT NULL,
	request TEXT NOT NULL,
	times VARCHAR(120) NOT NULL,
	keep BOOLEAN NOT NULL,
	author VARCHAR(255) NOT NULL,
	created DATETIME NOT NULL,
	due DATETIME NOT NULL,
	attempts INTEGER DEFAULT '0' NOT NULL,
	build VARCHAR(32),
	last_build VARCHAR(32),
	last_phase VARCHAR(16),
	last_at DATETIME,
	problem TEXT,
	image VARCHAR(1024),
	CONSTRAINT pk_schedules PRIMARY KEY (id)
);
CREATE INDEX ix_schedules_due ON schedules (due);
INSERT INTO alembic_version VALUES ('0012')
