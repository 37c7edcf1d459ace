//! The store of the histories against the real one: random steps are taken with both, and after each of them both must say
//! the same. What the histories prove over the model holds for the database as far as the two are equal.
//!
//! Needs a database with the extension installed, in `HERALD_TEST_DATABASE_URL`; `./dev test e2e` makes one and runs this.
//! Nothing is committed there. `HERALD_SQL_HISTORIES` says how many (default 300), `HERALD_HISTORY_SEED` runs one and
//! prints it.

mod answers;
mod course;
mod picture;
mod steps;
mod tables;

use course::Course;
use tables::Tables;

/// Steps of one history.
const STEPS: usize = 45;

/// Where the throw-away database is.
fn database_url() -> String {
    std::env::var("HERALD_TEST_DATABASE_URL").unwrap_or_else(|_| {
        panic!(
            "HERALD_TEST_DATABASE_URL is not set: this test needs a throw-away database with pg_herald installed. \
             ./dev test e2e makes one and runs it"
        )
    })
}

/// One history of steps; how it went, and where the two differ.
async fn history(tables: &mut Tables, seed: u64) -> Result<(), String> {
    let mut course = Course::begin(tables, seed).await?;
    for _ in 0..STEPS {
        if let Err(difference) = course.step().await {
            let story = course.story.join("\n");
            return Err(format!(
                "{story}\n{difference}\nHERALD_HISTORY_SEED={seed} runs it again"
            ));
        }
    }
    tables.roll_back().await
}

/// Seeds `from, from + 2, …` below `until`.
async fn every_other(from: u64, until: u64) -> Result<(), String> {
    let mut tables = Tables::open(&database_url()).await?;
    for seed in (from..until).step_by(2) {
        history(&mut tables, seed).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_says_what_sql_says() {
    if let Some(seed) = super::number("HERALD_HISTORY_SEED") {
        let mut tables = Tables::open(&database_url()).await.unwrap();
        if let Err(failure) = history(&mut tables, seed).await {
            panic!("{failure}");
        }
        return;
    }
    let count = super::number("HERALD_SQL_HISTORIES").unwrap_or(300);
    let halves = tokio::join!(
        tokio::spawn(every_other(0, count)),
        tokio::spawn(every_other(1, count))
    );
    for half in [halves.0, halves.1] {
        if let Err(failure) = half.unwrap() {
            panic!("{failure}");
        }
    }
}
