//! What each command does, but `serve`. Answers go to standard output, everything else to the log.

use crate::cli::{Cli, Command, MoveCommand, SeedArgs, TokenCommand};
use crate::config::Config;
use crate::corrections;
use crate::fleet;
use crate::keys::Keys;
use crate::logic::account::first_password;
use crate::logic::forms::AccountForm;
use crate::logic::generator::{Generator, Province};
use crate::logic::model::{Change, Device, Place};
use crate::logic::tag::Expected;
use crate::logic::{divisions, grant, holidays};
use crate::metrics::Metrics;
use crate::passwords;
use crate::store::{Actor, Seeded, Store};
use crate::tokens::Signer;
use crate::transfer;
use crate::{app, call};
use anyhow::Context;
use schemas::org::OrgId;
use schemas::registry::{BelongingFrom, DeviceRecord, DeviceState};
use schemas::time::{Day, format_rfc3339_ms};
use schemas::token::{Grant, Role};
use serde_json::json;
use std::io::Write;

/// The store, the keys and the clock that commands work with.
pub struct Shell {
    config: Config,
    store: Store,
    signer: Signer,
}

/// Runs a command other than `serve`.
///
/// # Errors
/// It did not do what was asked.
pub async fn run(cli: &Cli, config: Config) -> anyhow::Result<()> {
    let shell = Shell::open(config).await?;
    let answer = match &cli.command {
        Command::Serve => None,
        Command::Seed(args) => shell.seed(args).await.context("seed")?,
        Command::Token(TokenCommand::Device { no }) => Some(shell.device_token(*no).await.context("make a token")?),
        Command::Token(TokenCommand::User { role, scope, name }) => {
            Some(shell.user_token(*role, scope, name.as_deref()).await.context("make a token")?)
        }
        Command::Move(MoveCommand::Device { no, school, class }) => {
            let place = Place { school_no: *school, class_no: *class };
            Some(shell.move_device(*no, place).await.context("move the device")?)
        }
        Command::Device { no, state } => Some(shell.set_state(*no, *state).await.context("change the state")?),
        Command::Rotate(device) => Some(shell.rotate(device.no()).await.context("rotate the tokens")?),
        Command::Revoke(device) => shell.revoke(device.no()).await.context("revoke the tokens")?,
        Command::Show(device) => Some(shell.show(device.no()).await.context("show the device")?),
        Command::Bootstrap { login, name } => Some(shell.bootstrap(login, name).await.context("bootstrap")?),
        Command::Rescue { login } => Some(shell.rescue(login).await.context("rescue the account")?),
        Command::Import(args) => {
            Some(transfer::import(&shell.store, &shell.config.clock, args).await.context("import")?)
        }
        Command::Export(args) => {
            Some(transfer::export(&shell.store, &shell.config.clock, args).await.context("export")?)
        }
        Command::Correct(command) => {
            Some(corrections::run(&shell.store, shell.now_ms(), command).await.context("correct")?)
        }
        Command::Call(args) => {
            let token = shell.user_token(args.role, &args.scope, None).await.context("make a token")?;
            let api = app::api(&shell.config, shell.store.clone(), Metrics::default())?;
            Some(call::run(api, &token, args).await.context("the route refuses")?)
        }
        Command::VerifyAudit => Some(shell.verify_audit().await.context("verify the audit log")?),
        Command::Republish => shell.republish().await.context("republish")?,
    };
    shell.store.close().await;
    answer.map_or(Ok(()), |text| Ok(writeln!(std::io::stdout(), "{text}")?))
}

impl Shell {
    async fn open(config: Config) -> anyhow::Result<Shell> {
        let store = config.store.open(config.accept_days).await.context("open the store")?;
        let signer = Signer::new(&Keys::open(&config.keys.dir)?, config.tokens)?;
        Ok(Shell { config, store, signer })
    }

    fn now_ms(&self) -> i64 {
        self.config.clock.now_ms()
    }

    async fn seed(&self, args: &SeedArgs) -> anyhow::Result<Option<String>> {
        let now_ms = self.now_ms();
        let generator = Generator {
            seed: args.seed,
            schools: args.schools,
            devices_per_school: args.devices_per_school,
            today: args.today.unwrap_or_else(|| Day::of_ms(now_ms)),
            accept_days: self.config.accept_days,
        };
        let divisions = divisions::parse(divisions::GUANGDONG_CSV)?;
        let calendar = holidays::parse(holidays::HOLIDAYS_TOML)?;
        let province = Province::new(generator, &divisions);
        let file = &self.config.fleet.devices_file;
        let seeded = self.store.seed(&province, &calendar, args.force, now_ms).await?;
        match seeded {
            Seeded::Before(stamp) => {
                tracing::info!(seed = stamp.seed, schools = stamp.schools, "seeded before; left as it is");
                if args.republish {
                    self.republish().await?;
                }
            }
            Seeded::Now { values } => tracing::info!(schools = args.schools, values, "seeded"),
        }
        if seeded_now(seeded) || !file.exists() {
            let devices = fleet::write(file, &self.store, &self.signer, now_ms).await?;
            tracing::info!(devices, file = %file.display(), "wrote the fleet's file");
        }
        Ok(None)
    }

    async fn device_token(&self, no: u32) -> anyhow::Result<String> {
        let now_ms = self.now_ms();
        let (device, _) = self.store.device(no, now_ms).await?;
        Ok(self.signer.device(device.id, device.no, device.token_gen, now_ms)?)
    }

    async fn user_token(&self, role: Role, scope: &str, name: Option<&str>) -> anyhow::Result<String> {
        let org = grant::scope(role, scope)?;
        self.store.require(org).await?;
        let account = format!("cli:{}:{org}", grant::role_name(role));
        let name = name.unwrap_or(&account).to_owned();
        let grant = Grant { role, scope: org.to_string() };
        Ok(self.signer.user(account, name, grant, self.now_ms())?)
    }

    async fn bootstrap(&self, login: &str, name: &str) -> anyhow::Result<String> {
        let (now_ms, province) = (self.now_ms(), self.store.province().await?);
        if self.store.has_province_admin(province).await? {
            anyhow::bail!("the province has an administrator, who makes the others");
        }
        let form = AccountForm { login: login.to_owned(), name: name.to_owned(), ..AccountForm::default() };
        let first_password = first_password(rand::random());
        let hash = passwords::hash(&first_password, rand::random())?;
        let (home, grant) = (OrgId::Area(province), Some((Role::ProvinceAdmin, OrgId::Area(province))));
        let account = self.store.add_account(&Actor::terminal(now_ms), home, &form, grant, &hash).await?;
        let answer = json!({ "account_no": account.account_no, "login": login, "first_password": first_password });
        Ok(answer.to_string())
    }

    async fn rescue(&self, login: &str) -> anyhow::Result<String> {
        let candidate = self.store.candidate(login).await?.context("no account that is active logs in with this")?;
        let (no, actor) = (candidate.account_no, Actor::terminal(self.now_ms()));
        let first_password = first_password(rand::random());
        let hash = passwords::hash(&first_password, rand::random())?;
        self.store.reset_password(&actor, no, &Expected::Any, &hash).await?;
        let had_factor = self.store.second_factor(no).await?.is_some();
        if had_factor {
            self.store.remove_second_factor(&actor, no, &Expected::Any).await?;
        }
        let answer = json!({ "account_no": no, "login": candidate.login, "first_password": first_password,
            "second_factor_removed": had_factor });
        Ok(answer.to_string())
    }

    async fn move_device(&self, no: u32, place: Place) -> anyhow::Result<String> {
        let from_day = self.store.move_device(no, place, self.now_ms()).await?;
        Ok(json!({ "device_no": no, "from_day": from_day.to_string() }).to_string())
    }

    async fn set_state(&self, no: u32, state: DeviceState) -> anyhow::Result<String> {
        let from_day = self.store.set_state(no, state, self.now_ms()).await?;
        Ok(json!({ "device_no": no, "state": state, "from_day": from_day.to_string() }).to_string())
    }

    async fn rotate(&self, no: u32) -> anyhow::Result<String> {
        self.store.rotate(no, self.now_ms()).await?;
        self.device_token(no).await
    }

    async fn revoke(&self, no: u32) -> anyhow::Result<Option<String>> {
        self.store.revoke(no, self.now_ms()).await?;
        Ok(None)
    }

    async fn show(&self, no: u32) -> anyhow::Result<String> {
        let (device, record) = self.store.device(no, self.now_ms()).await?;
        Ok(serde_json::to_string_pretty(&shown(&device, &record))?)
    }

    async fn verify_audit(&self) -> anyhow::Result<String> {
        let rows = self.store.verify_audit().await?;
        Ok(json!({ "rows": rows, "whole": true }).to_string())
    }

    async fn republish(&self) -> anyhow::Result<Option<String>> {
        let values = self.store.republish(self.now_ms()).await?;
        tracing::info!(values, "put a value of everything into the outbox");
        Ok(None)
    }
}

fn seeded_now(seeded: Seeded) -> bool {
    matches!(seeded, Seeded::Now { .. })
}

fn shown(device: &Device, record: &DeviceRecord) -> serde_json::Value {
    let place = |change: &Change<Place>| {
        let (from, place) = (change.from_day.to_string(), change.value);
        json!({ "from_day": from, "school_no": place.school_no, "class_no": place.class_no })
    };
    let state =
        |change: &Change<DeviceState>| json!({ "from_day": change.from_day.to_string(), "state": change.value });
    let belonging = |entry: &BelongingFrom| {
        json!({
            "from_day": entry.from_day.to_string(),
            "school_no": entry.school_no,
            "class_no": entry.class_no,
            "division": entry.division,
            "in_service": entry.in_service,
        })
    };
    json!({
        "device_no": device.no,
        "device_id": device.id,
        "kind": device.kind,
        "state": device.state,
        "token_gen": device.token_gen,
        "revoked": device.revoked,
        "enrolled_at": format_rfc3339_ms(device.enrolled_at_ms),
        "places": device.places.iter().map(place).collect::<Vec<_>>(),
        "states": device.states.iter().map(state).collect::<Vec<_>>(),
        "belongings": record.belongings.iter().map(belonging).collect::<Vec<_>>(),
    })
}
