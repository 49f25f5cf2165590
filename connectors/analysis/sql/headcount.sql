-- Active and managed people by department, each night that reached the directory.
-- In:  directory_nights, figures (run_id, number, measure, word, detail, people): the last one of a run stands.
-- Out: night, department, people. From the summaries alone, so pruned nights are in it.
CREATE OR REPLACE VIEW headcount AS
WITH last_figures AS (
    SELECT * FROM figures WHERE measure = 'headcount'
    QUALIFY number = max(number) OVER (PARTITION BY run_id)
)

SELECT n.night, f.word AS department, f.people
FROM last_figures AS f
JOIN directory_nights AS n ON n.run_id = f.run_id;
