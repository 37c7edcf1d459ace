//! Code blocks of a Markdown page, so that a test can run what the page promises.

/// The contents of the fenced blocks of one language, in order, each with the number of its first line.
pub fn blocks(markdown: &str, language: &str) -> Vec<(usize, String)> {
    let opening = format!("```{language}");
    let mut found = Vec::new();
    let mut current: Option<(usize, String)> = None;
    for (index, line) in markdown.lines().enumerate() {
        match current.as_mut() {
            Some(_) if line.trim() == "```" => found.extend(current.take()),
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line.trim() == opening => current = Some((index + 2, String::new())),
            None => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_blocks_of_one_language() {
        let page =
            "text\n```sql\nselect 1;\nselect 2;\n```\n```sh\nls\n```\n  ```sql\nselect 3;\n```\n";
        assert_eq!(
            blocks(page, "sql"),
            vec![
                (3, "select 1;\nselect 2;\n".to_string()),
                (10, "select 3;\n".to_string())
            ]
        );
        assert_eq!(blocks(page, "sh"), vec![(7, "ls\n".to_string())]);
        assert!(blocks("", "sql").is_empty());
    }
}
