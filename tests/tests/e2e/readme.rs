//! The SQL of the README does what the README says: every block runs, in order, in one fresh database.

use herald_tests::cluster::{Cluster, ClusterOptions, run};
use herald_tests::readme::blocks;
use herald_tests::{Explain, Outcome};
use std::path::Path;

#[tokio::test]
async fn the_sql_blocks_of_the_readme_run() -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let page =
        std::fs::read_to_string(&path).explain(|| format!("cannot read {}", path.display()))?;
    let blocks = blocks(&page, "sql");
    assert!(!blocks.is_empty(), "README.md has no ```sql block");
    let cluster = Cluster::start(&ClusterOptions::for_tests()?)?;
    cluster.create_database("readme").await?;
    for (line, block) in blocks {
        let script = cluster.directory().join(format!("readme-line-{line}.sql"));
        std::fs::write(&script, block)?;
        let options = [
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            "readme",
            "--file",
        ];
        run(cluster.client_command("psql").args(options).arg(&script))?;
    }
    Ok(())
}
