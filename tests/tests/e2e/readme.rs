//! The SQL of the README and of the operations page does what the pages say: every block runs, in order, in one fresh
//! database.

use herald_tests::cluster::{Cluster, ClusterOptions, run};
use herald_tests::readme::blocks;
use herald_tests::{Explain, Outcome};
use std::path::Path;

#[tokio::test]
async fn the_sql_blocks_of_the_pages_run() -> Outcome<()> {
    let cluster = Cluster::start(&ClusterOptions::for_tests()?)?;
    cluster.create_database("pages").await?;
    for page in ["README.md", "docs/OPERATIONS.md"] {
        run_blocks(&cluster, page)?;
    }
    Ok(())
}

fn run_blocks(cluster: &Cluster, page: &str) -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text =
        std::fs::read_to_string(&path).explain(|| format!("cannot read {}", path.display()))?;
    let blocks = blocks(&text, "sql");
    assert!(!blocks.is_empty(), "{page} has no ```sql block");
    for (line, block) in blocks {
        let name = format!("{}-line-{line}.sql", page.replace('/', "-"));
        let script = cluster.directory().join(name);
        std::fs::write(&script, block)?;
        let options = [
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            "pages",
            "--file",
        ];
        run(cluster.client_command("psql").args(options).arg(&script))?;
    }
    Ok(())
}
