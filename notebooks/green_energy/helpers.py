# Databricks notebook source
# MAGIC %md
# MAGIC # Helpers
# MAGIC What the notebooks of the green energy pipeline share. Include with `%run ./helpers`.

# COMMAND ----------

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# The spellings of the flag `green_initiative`, in lower case and without spaces around.
YES = ("yes", "y", "true", "1")
NO = ("no", "n", "false", "0")

# COMMAND ----------


def clean_readings(energy: DataFrame) -> DataFrame:
    """Daily readings fit for use.

    Rows that were exported twice count once. No energy returned to the grid is zero. The flag becomes a boolean.
    A row without date, facility, department, power, output or a readable flag is left out.
    """
    flag = F.lower(F.trim("green_initiative"))
    return (
        energy.dropDuplicates()
        .select(
            "date",
            F.trim("facility_id").alias("facility_id"),
            F.trim("department").alias("department"),
            "power_use_kwh",
            F.coalesce("energy_returned_kwh", F.lit(0.0)).alias("energy_returned_kwh"),
            F.expr("try_cast(output_units AS BIGINT)").alias("output_units"),
            F.when(flag.isin(*YES), True).when(flag.isin(*NO), False).alias("green_initiative"),
        )
        .dropna()
        .withColumn("net_energy_kwh", F.col("power_use_kwh") - F.col("energy_returned_kwh"))
    )


# COMMAND ----------


def monthly_efficiency(readings: pd.DataFrame, facilities: pd.DataFrame) -> pd.DataFrame:
    """Energy and output by month and facility, with the net energy that a unit of output takes.

    Raises `ValueError` for readings of a facility that is not in `facilities`.
    """
    monthly = (
        readings.assign(month=pd.to_datetime(readings["date"]).dt.to_period("M").dt.to_timestamp().dt.date)
        .groupby(["month", "facility_id"], as_index=False)
        .agg(
            department=("department", "first"),
            days=("date", "nunique"),
            power_use_kwh=("power_use_kwh", "sum"),
            energy_returned_kwh=("energy_returned_kwh", "sum"),
            net_energy_kwh=("net_energy_kwh", "sum"),
            output_units=("output_units", "sum"),
        )
    )
    if unknown := set(monthly["facility_id"]) - set(facilities["facility_id"]):
        raise ValueError(f"not in facilities: {', '.join(sorted(unknown))}")
    names = pd.DataFrame(
        {
            "facility_id": facilities["facility_id"],
            "facility": facilities["facility_name"].str.strip(),
            "city": facilities["city"].str.strip(),
        }
    )
    monthly = monthly.merge(names, on="facility_id", validate="many_to_one")
    # A month without output has no efficiency.
    monthly["kwh_per_unit"] = monthly["net_energy_kwh"] / monthly["output_units"].where(monthly["output_units"] > 0)
    order = ["month", "facility_id", "facility", "city", "department", "days", "power_use_kwh", "energy_returned_kwh"]
    order += ["net_energy_kwh", "output_units", "kwh_per_unit"]
    return monthly[order].sort_values(["month", "facility_id"], ignore_index=True)


# COMMAND ----------


def model_features(efficiency: pd.DataFrame) -> pd.DataFrame:
    """What the net energy of a facility's month may follow from: the initiative, the output, the facility, the month.

    Facility and month are 0/1 columns; the first of each is the one the others are compared with. So the initiative is
    judged by the facilities that joined it within the year, each compared with itself.
    """
    features = pd.DataFrame(
        {
            "green_initiative": efficiency["green_initiative"].astype(float),
            "log_output_units": np.log(efficiency["output_units"].astype(float)),
        }
    )
    months = pd.to_datetime(efficiency["month"]).dt.strftime("%Y-%m")
    for values in (efficiency["facility_id"], months):
        features = features.join(pd.get_dummies(values, drop_first=True, dtype=float))
    return features


def share_saved(coefficient: float) -> float:
    """The share of energy saved, from a coefficient of a model of the logarithm of energy."""
    return float(1 - np.exp(coefficient))
