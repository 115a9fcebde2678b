# Databricks notebook source
raise ValueError("no such facility: 7")
